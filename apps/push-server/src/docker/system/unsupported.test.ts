import { expect, test } from 'vitest';
import { answerToUnsupported } from './unsupported.ts';

test.each([
  ['POST', '/images/create?fromImage=alpine', 'docker pull'],
  ['GET', '/images/search?term=a', 'docker search'],
  ['GET', '/distribution/alpine/json', 'docker manifest'],
  ['POST', '/build?t=a', 'docker build'],
  ['POST', '/session', 'docker build'],
  ['POST', '/containers/create', 'docker run'],
  ['GET', '/containers/json?all=1', 'docker ps'],
  ['POST', '/containers/abc/start', 'docker container'],
  ['GET', '/containers/abc/logs', 'docker container'],
  ['POST', '/containers/prune', 'docker container'],
  ['GET', '/networks', 'docker network'],
  ['POST', '/volumes/prune', 'docker volume'],
  ['POST', '/swarm/init', 'docker swarm'],
])('%s %s is %s, which is not served', (method, url, command) => {
  const { status, message } = answerToUnsupported(method, url);
  expect([status, message]).toEqual([501, expect.stringContaining(`"${command}" is not served here`)]);
});

test.each([
  ['GET', '/containers/demo/json', 'No such container: demo'],
  ['GET', '/containers/other/name:x/json', 'No such container: other/name:x'],
  ['GET', '/networks/a%2Fb', 'No such network: a/b'],
  ['GET', '/plugins/x/json', 'No such plugin: x'],
  ['GET', '/nothing', 'page not found'],
  ['PATCH', '/images/json', 'page not found'],
])('%s %s is not there: docker inspect goes on', (method, url, message) => {
  expect(answerToUnsupported(method, url)).toEqual({ status: 404, message });
});
