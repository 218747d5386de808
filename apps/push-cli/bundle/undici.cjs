// The part of undici that a push uses. Its own entry also loads fetch, web sockets, caches, mocks and their test
// doubles: more than half of what `slipway push` would load before its first request.
'use strict';
const Dispatcher = require('undici/lib/dispatcher/dispatcher.js');
const Agent = require('undici/lib/dispatcher/agent.js');
const Pool = require('undici/lib/dispatcher/pool.js');
const ProxyAgent = require('undici/lib/dispatcher/proxy-agent.js');
const buildConnector = require('undici/lib/core/connect.js');
const connect = require('undici/lib/api/api-connect.js');
const request = require('undici/lib/api/api-request.js');

// `connect` is how its proxy agent opens a tunnel.
Object.assign(Dispatcher.prototype, { connect, request });

exports.Agent = Agent;
exports.Dispatcher = Dispatcher;
exports.Pool = Pool;
exports.ProxyAgent = ProxyAgent;
exports.buildConnector = buildConnector;
exports.request = (url, options) => {
  const { origin, pathname, search } = new URL(url);
  return options.dispatcher.request({
    ...options,
    origin,
    path: `${pathname}${search}`,
    method: options.method ?? 'GET',
  });
};
