import { expect, test } from 'vitest';
import { tlsSentence } from './tls-sentence.ts';

test.each([
  [
    'ERR_SSL_WRONG_VERSION_NUMBER',
    '80CCB331017F0000:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/openssl/openssl/ssl/record/ssl3_record.c:355:',
    'the other side does not speak TLS',
  ],
  [
    'ERR_SSL_UNSUPPORTED_PROTOCOL',
    '80FCAF5A:error:0A000102:SSL routines:tls_process_server_hello:unsupported protocol:../deps/x.c:1:',
    'the other side speaks only versions of TLS below 1.2, which are not safe',
  ],
  [
    'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    'write EPROTO 40B7:error:0A00042E:SSL routines:ssl3_read_bytes:tlsv1 alert protocol version:../deps/x.c:1605:SSL alert number 70\n',
    'the other side speaks only versions of TLS below 1.2, which are not safe',
  ],
  [
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    'error:0A00045C:SSL routines::tlsv13 alert certificate required',
    'the other side wants a client certificate',
  ],
  ['EPROTO', 'error:0A0000C1:SSL routines:f:something else:x.c:1:', 'TLS failed: something else'],
  ['CERT_HAS_EXPIRED', 'certificate has expired', 'certificate has expired'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self signed certificate', 'self-signed certificate'],
  [
    'SELF_SIGNED_CERT_IN_CHAIN',
    'self signed certificate in certificate chain (by way of the proxy http://proxy.example)',
    'self-signed certificate in certificate chain',
  ],
  ['CERT_UNTRUSTED', 'certificate not trusted', 'certificate not trusted'],
  [
    'ECONNRESET',
    'Client network socket disconnected before secure TLS connection was established',
    'the connection was closed before TLS was agreed on',
  ],
])('%s: %j', (code, text, sentence) => {
  expect(tlsSentence(code, text)).toBe(sentence);
});
