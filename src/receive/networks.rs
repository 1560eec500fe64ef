//! The networks from which a source accepts deliveries.

// Addresses as values: the pipeline neither opens nor accepts a connection.
use core::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// The bits of an IPv6 address that stand before a mapped IPv4 address.
const MAPPED_PREFIX: u8 = 96;

/// A set of networks. An IPv4 address that is written as an IPv6 address (`::ffff:192.0.2.1`) counts as IPv4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Reads networks such as `192.0.2.0/24` and single addresses.
    ///
    /// # Errors
    /// If one of them is not valid: its text, and what is wrong with it.
    pub fn read<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, (&'a str, &'static str)> {
        let read = |text: &'a str| network(text.trim()).map_err(|what| (text, what));
        texts.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Returns `true` if the address is in one of the networks.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn network(text: &str) -> Result<IpNet, &'static str> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => address.into(),
        Err(_) => text
            .parse::<IpNet>()
            .map_err(|_| "is not an IP address or a network such as 192.0.2.0/24 or 2001:db8::/32")?,
    };
    if network.trunc() != network {
        return Err(
            "is not a network: its address has bits after the prefix. Write 192.0.2.0/24, not 192.0.2.1/24",
        );
    }
    Ok(canonical(network))
}

/// Converts a network of IPv4 addresses that are written as IPv6 addresses.
fn canonical(network: IpNet) -> IpNet {
    let IpAddr::V4(address) = network.addr().to_canonical() else { return network };
    match network {
        IpNet::V4(_) => network,
        IpNet::V6(mapped) => mapped
            .prefix_len()
            .checked_sub(MAPPED_PREFIX)
            .and_then(|prefix| Ipv4Net::new(address, prefix).ok())
            .map_or(network, IpNet::V4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(networks: &[&str], address: &str) -> bool {
        Networks::read(networks.iter().copied()).unwrap().contain(address.parse().unwrap())
    }

    #[test]
    fn an_address_is_in_a_network_of_its_own_family_only() {
        assert!(contains(&["192.0.2.0/24"], "192.0.2.255"));
        assert!(!contains(&["192.0.2.0/24"], "192.0.3.0"));
        assert!(contains(&["2001:db8::/32"], "2001:db8:1::1"));
        assert!(!contains(&["2001:db8::/32"], "2001:db9::1"));
        assert!(!contains(&["::/0"], "192.0.2.1"));
        assert!(!contains(&["0.0.0.0/0"], "2001:db8::1"));
        assert!(contains(&["10.0.0.0/8", " 192.0.2.7 "], "192.0.2.7"));
        assert!(!contains(&["192.0.2.7"], "192.0.2.8"));
        assert!(contains(&["2001:db8::7"], "2001:db8:0:0::7"));
    }

    #[test]
    fn an_ipv4_address_may_be_written_as_ipv6() {
        assert!(contains(&["192.0.2.0/24"], "::ffff:192.0.2.9"));
        assert!(contains(&["::ffff:192.0.2.0/120"], "192.0.2.9"));
        assert!(contains(&["::ffff:192.0.2.9"], "192.0.2.9"));
        assert!(contains(&["::ffff:0:0/96"], "203.0.113.1"));
        assert!(!contains(&["::ffff:192.0.2.0/120"], "192.0.3.9"));
    }

    #[test]
    fn what_is_not_a_network_is_refused() {
        for text in [
            "",
            "192.0.2.1/24",
            "192.0.2.0/33",
            "192.0.2",
            "192.0.2.0/-1",
            "2001:db8::1/32",
            "example.com",
            "192.0.2.1:443",
            "fe80::1%eth0",
            "010.0.0.1",
            "*",
        ] {
            assert_eq!(Networks::read([text]).unwrap_err().0, text);
        }
    }
}
