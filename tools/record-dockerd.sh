#!/usr/bin/env bash
# Takes the docker client's transcript of a real dockerd anew: apps/push-server/test/docker/transcripts/dockerd.txt.
# By hand, as root, where `docker` and `dockerd` are installed. A dockerd of its own is started and ended.
set -euo pipefail
cd "$(dirname "$0")/../apps/push-server"
folder=$(mktemp -d)
host="unix://$folder/docker.sock"
dockerd --host "$host" --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/pid" \
  --storage-driver vfs --iptables=false --ip6tables=false --bridge none >"$folder/log" 2>&1 &
dockerd=$!
# The signal alone is not the end of it: containerd goes with it, and the folder is its.
trap 'kill "$dockerd"; wait "$dockerd" || true; rm -rf "$folder"' EXIT
for _ in $(seq 300); do
  docker --host "$host" version >/dev/null 2>&1 && break
  kill -0 "$dockerd" || { tail "$folder/log"; exit 1; }
  sleep 0.1
done
docker --host "$host" version --format 'dockerd {{.Server.Version}}, client {{.Client.Version}}'
SLIPWAY_RECORD_DOCKERD=$host npx vitest run test/docker/transcript.test.ts -t 'taken anew'
