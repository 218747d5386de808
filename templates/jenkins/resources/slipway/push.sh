# Pushes $PUSH_SOURCE to each of $PUSH_TO, with $PUSH_OPTIONS. A user and a password are for this push alone: nothing is
# kept on the disk. Every template has these lines; docs/site/test/templates.test.ts runs them and compares.
set -euf
[ -z "${PUSH_PASSWORD:-}" ] || set -- --username "$PUSH_USER" --password-stdin
printf %s "${PUSH_PASSWORD:-}" |
  npx --yes "slipway@$PUSH_VERSION" push "$PUSH_SOURCE" $PUSH_TO "$@" ${PUSH_OPTIONS:-} > pushed.txt
cat pushed.txt
image=$(head -n 1 pushed.txt)
printf 'PUSHED_IMAGE=%s\nPUSHED_DIGEST=%s\n' "$image" "${image##*@}" > pushed.env
