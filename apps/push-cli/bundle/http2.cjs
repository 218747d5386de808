// undici loads HTTP/2 with everything else; no connection of ours asks for it.
'use strict';
exports.constants = {};
