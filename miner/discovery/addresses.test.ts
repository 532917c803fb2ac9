import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressError, addressesOf, addressToNumber, lanNetworks, numberToAddress } from './addresses.js';

describe('the addresses of a network', () => {
  it.each([
    ['192.168.1.0/30', ['192.168.1.1', '192.168.1.2']],
    ['192.168.1.78/30', ['192.168.1.77', '192.168.1.78']],
    ['10.0.0.4/31', ['10.0.0.4', '10.0.0.5']],
    ['10.0.0.4/32', ['10.0.0.4']],
    ['10.0.0.4', ['10.0.0.4']],
  ])('%s', (network, wanted) => {
    expect([...addressesOf([network])]).toEqual(wanted);
  });

  it('a /22 has 1,022 without its own and the broadcast address', () => {
    const all = [...addressesOf(['10.1.4.0/22'])];
    expect(all).toHaveLength(1_022);
    expect([all[0], all[1_021]]).toEqual(['10.1.4.1', '10.1.7.254']);
  });

  it('each once, where networks overlap', () => {
    expect([...addressesOf(['10.0.0.0/30', '10.0.0.0/29', '10.0.0.1'])]).toHaveLength(6);
  });

  it.each([
    ['10.0.0.0/33', 'the prefix of 10.0.0.0/33 must be 16–32'],
    ['10.0.0.0/8', 'the prefix of 10.0.0.0/8 must be 16–32'],
    ['10.0.0/24', '10.0.0/24 is no IPv4 network such as 192.168.1.0/24'],
    ['fe80::1/64', 'fe80::1/64 is no IPv4 network such as 192.168.1.0/24'],
    ['10.0.0.0/x', '10.0.0.0/x is no IPv4 network such as 192.168.1.0/24'],
    ['', ' is no IPv4 network such as 192.168.1.0/24'],
  ])('%j is refused', (network, message) => {
    expect(() => [...addressesOf([network])]).toThrow(new AddressError(message));
  });

  it('numbers and addresses are the same', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(numberToAddress(addressToNumber(address))).toBe(address);
      }),
    );
  });
});

describe('the networks of this machine', () => {
  const ipv4 = (cidr: string, internal = false) => ({
    address: cidr.replace(/\/.*/, ''),
    cidr,
    family: 'IPv4',
    internal,
  });

  it('are those of its cards, and never those of containers, tunnels and the loopback', () => {
    expect(
      lanNetworks({
        lo: [ipv4('127.0.0.1/8', true)],
        eth0: [ipv4('192.168.179.4/24'), { address: 'fe80::1', cidr: 'fe80::1/64', family: 'IPv6', internal: false }],
        wlan0: [ipv4('192.168.179.9/24')],
        docker0: [ipv4('172.17.0.1/16')],
        'br-2f1c9a7b3d4e': [ipv4('172.18.0.1/16')],
        veth12ab: [ipv4('10.5.0.1/24')],
        cni0: [ipv4('10.42.0.1/24')],
        'flannel.1': [ipv4('10.42.0.0/32')],
        virbr0: [ipv4('192.168.122.1/24')],
        lxcbr0: [ipv4('10.0.3.1/24')],
        tailscale0: [ipv4('100.64.0.3/32')],
        wg0: [ipv4('10.8.0.2/24')],
        tun0: [ipv4('10.9.0.2/24')],
        podman1: [ipv4('10.88.0.1/16')],
        br0: [ipv4('10.20.0.5/22')],
        eth1: [ipv4('169.254.3.4/16')],
        eth2: [ipv4('8.8.4.4/24')],
      }),
    ).toEqual(['192.168.179.0/24', '10.20.0.0/22']);
  });

  it('a network larger than a /20 is scanned around this machine only', () => {
    expect(lanNetworks({ eth0: [ipv4('10.7.9.3/8')] })).toEqual(['10.7.9.0/24']);
  });
});
