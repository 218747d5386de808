import { BlockList, isIP } from 'node:net';

/** Whether an address is on the internet, inside a network, or on the link itself, where clouds keep their metadata. */
export function kindOfAddress(address: string): 'public' | 'private' | 'link-local' {
  const plain = address.replace(/%.*$/, ''); // a zone: fe80::1%eth0
  const family = isIP(plain);
  if (family === 0) return 'public';
  const type = family === 4 ? 'ipv4' : 'ipv6';
  networks ??= knownNetworks();
  if (networks.linkLocal.check(plain, type)) return 'link-local';
  return networks.inside.check(plain, type) ? 'private' : 'public';
}

/** Made when an address is first looked at. */
let networks: ReturnType<typeof knownNetworks> | undefined;

function knownNetworks(): { readonly linkLocal: BlockList; readonly inside: BlockList } {
  return {
    linkLocal: blockList([['169.254.0.0', 16]], [['fe80::', 10]]),
    inside: blockList(
      [
        ['0.0.0.0', 8],
        ['10.0.0.0', 8],
        ['100.64.0.0', 10],
        ['127.0.0.0', 8],
        ['172.16.0.0', 12],
        ['192.168.0.0', 16],
      ],
      [
        ['::', 128],
        ['::1', 128],
        ['fc00::', 7],
      ],
    ),
  };
}

type Networks = readonly (readonly [string, number])[];

/**
 * BlockList itself sees through IPv4 addresses mapped into IPv6 (`::ffff:`), not through those that NAT64 translates
 * (`64:ff9b::`).
 */
function blockList(ipv4: Networks, ipv6: Networks): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of ipv4) {
    list.addSubnet(network, prefix, 'ipv4');
    list.addSubnet(`64:ff9b::${network}`, 96 + prefix, 'ipv6');
  }
  for (const [network, prefix] of ipv6) list.addSubnet(network, prefix, 'ipv6');
  return list;
}
