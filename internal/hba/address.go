package hba

import (
	"fmt"
	"math/bits"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// address reads the address of a line: one word, or an address and its mask.
// used is how many fields that took.
func (p *parser) address(fields []field) (m matcher, used int, err error) {
	if len(fields[0]) != 1 {
		return nil, 0, fmt.Errorf("one address is wanted, found a list")
	}
	t := fields[0][0]
	switch {
	case t.is("all"):
		return everywhere, 1, nil
	case t.is("samehost"):
		return from(p.hosts), 1, nil
	case t.is("samenet"):
		return from(p.nets), 1, nil
	case strings.Contains(t.text, "/"):
		prefix, err := netip.ParsePrefix(t.text)
		if err != nil {
			return nil, 0, fmt.Errorf("address %q is not of the form 192.0.2.0/24 or 2001:db8::/32", t.text)
		}
		return from([]netip.Prefix{prefix}), 1, nil
	}
	addr, err := netip.ParseAddr(t.text)
	if err != nil {
		return nil, 0, fmt.Errorf("%q is no address: host names are not supported; give address/bits, all, samehost or samenet", t.text)
	}
	if len(fields) < 2 || len(fields[1]) != 1 {
		return nil, 0, fmt.Errorf("address %s lacks its mask; for one host write %s/%d", t.text, t.text, addr.BitLen())
	}
	prefix, err := masked(addr, fields[1][0].text)
	return from([]netip.Prefix{prefix}), 2, err
}

// masked reads a mask such as 255.255.255.0.
func masked(addr netip.Addr, mask string) (netip.Prefix, error) {
	m, err := netip.ParseAddr(mask)
	if err != nil || m.BitLen() != addr.BitLen() {
		return netip.Prefix{}, fmt.Errorf("%q is no mask for the address %s", mask, addr)
	}
	ones := leadingOnes(m.AsSlice())
	prefix, err := m.Prefix(ones)
	if err != nil || prefix.Addr() != m {
		return netip.Prefix{}, fmt.Errorf("mask %s has gaps", mask)
	}
	return netip.PrefixFrom(addr, ones), nil
}

func leadingOnes(b []byte) (n int) {
	for _, c := range b {
		n += bits.LeadingZeros8(^c)
		if c != 0xff {
			break
		}
	}
	return n
}

func everywhere(Facts) bool { return true }

func from(prefixes []netip.Prefix) matcher {
	prefixes = slices.Clone(prefixes)
	for i := range prefixes {
		prefixes[i] = prefixes[i].Masked()
	}
	return func(f Facts) bool {
		addr := f.Addr.Unmap().WithZone("")
		return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
	}
}

// interfaces are this machine's addresses, with the bits of their networks.
func interfaces() ([]netip.Prefix, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("cannot find this machine's addresses: %w", err)
	}
	var all []netip.Prefix
	for _, a := range addrs {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			all = append(all, prefix)
		}
	}
	return all, nil
}

// hostsOf are the addresses alone.
func hostsOf(nets []netip.Prefix) []netip.Prefix {
	hosts := make([]netip.Prefix, len(nets))
	for i, n := range nets {
		hosts[i] = netip.PrefixFrom(n.Addr(), n.Addr().BitLen())
	}
	return hosts
}
