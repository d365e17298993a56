//! Where this machine may connect to on somebody else's word: addresses in certificates are outside data, and whoever writes one
//! must not reach what only this machine can reach (server-side request forgery).
//!
//! Two checks, and both must pass: the address as text ([`Guard::destination`]), then every IP address its name stands for
//! ([`Guard::addresses`]). The connection goes to the addresses that were checked and to no other, so that a name cannot change its
//! meaning in between.
//!
//! Ranges follow the IANA special-purpose address registries (RFC 6890).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;
use url::{Host, Url};

/// Ports of http and https; others only where they are allowed by name.
const STANDARD_PORTS: [u16; 2] = [80, 443];

/// Most addresses of one name that are looked at.
const MAX_ADDRESSES: usize = 64;

/// Why nothing is fetched from there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    #[error("the address is not a URL with a host")]
    Malformed,
    #[error("the scheme {0} is not http or https")]
    Scheme(String),
    #[error("the address carries a user name or a password")]
    Credentials,
    #[error("port {0} is not 80 or 443, and not allowed in the configuration")]
    Port(u16),
    #[error("{0} is not a public address, and not allowed in the configuration")]
    Address(IpAddr),
    #[error("the name has no address")]
    NoAddress,
    #[error("the address is not https, and not allowed in the configuration")]
    Unencrypted,
}

/// What may be connected to besides public addresses on ports 80 and 443; by default nothing.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allowed: Vec<Allowed>,
}

/// An exception an operator makes: `10.1.2.3`, `10.1.0.0/16`, `ca.internal`, `10.1.2.3:8080`, `[fd00::1]:8080`, `ca.internal:8080`.
/// Without a port it means ports 80 and 443; with one, that port alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    place: Place,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Network(IpNet),
    /// Lower case, without a final dot.
    Name(String),
}

/// The text is not an exception this reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an IP address, a network, nor a host name, each with or without a port")]
pub struct BadException(String);

/// An address whose text is acceptable; whether it may be connected to depends on what its name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    url: Url,
    host: Host<String>,
    port: u16,
}

impl Destination {
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The name to be resolved; `None` when the address already is an IP address.
    pub fn name(&self) -> Option<&str> {
        match &self.host {
            Host::Domain(name) => Some(name),
            Host::Ipv4(_) | Host::Ipv6(_) => None,
        }
    }

    /// The IP address, when the host is one.
    pub fn literal(&self) -> Option<IpAddr> {
        match self.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Guard {
    pub fn new(allowed: Vec<Allowed>) -> Self {
        Self { allowed }
    }

    /// Checks an address as text.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn destination(&self, text: &str) -> Result<Destination, Forbidden> {
        let url = Url::parse(text).map_err(|_| Forbidden::Malformed)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Forbidden::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Forbidden::Credentials);
        }
        let host = url.host().ok_or(Forbidden::Malformed)?.to_owned();
        let port = url.port_or_known_default().ok_or(Forbidden::Malformed)?;
        if !STANDARD_PORTS.contains(&port) && !self.allowed.iter().any(|allowed| allowed.port == Some(port)) {
            return Err(Forbidden::Port(port));
        }
        let destination = Destination { url, host, port };
        match destination.literal() {
            Some(address) => self.addresses(&destination, &[address]).map(|_| destination.clone()),
            None => Ok(destination),
        }
    }

    /// Checks every address the destination's name stands for: one that is not permitted condemns the name.
    ///
    /// # Errors
    /// [`Forbidden::Address`] or [`Forbidden::Port`] for the first that is not permitted, [`Forbidden::NoAddress`] for none at all.
    pub fn addresses(&self, to: &Destination, addresses: &[IpAddr]) -> Result<Vec<SocketAddr>, Forbidden> {
        if addresses.is_empty() {
            return Err(Forbidden::NoAddress);
        }
        let check = |address: &IpAddr| self.permit(to, *address).map(|()| SocketAddr::new(*address, to.port));
        addresses.iter().take(MAX_ADDRESSES).map(check).collect()
    }

    /// Whether the operator made an exception at all.
    pub fn has_exceptions(&self) -> bool {
        !self.allowed.is_empty()
    }

    /// Whether the operator allowed this address of the destination by name.
    pub fn is_excepted(&self, to: &Destination, address: IpAddr) -> bool {
        let standard = STANDARD_PORTS.contains(&to.port);
        let excepted = |allowed: &Allowed| {
            allowed.covers(to.name(), address) && allowed.port.map_or(standard, |port| port == to.port)
        };
        self.allowed.iter().any(excepted)
    }

    fn permit(&self, to: &Destination, address: IpAddr) -> Result<(), Forbidden> {
        let standard = STANDARD_PORTS.contains(&to.port);
        match (self.is_excepted(to, address), is_public(address)) {
            (true, _) => Ok(()),
            (false, false) => Err(Forbidden::Address(address)),
            (false, true) if standard => Ok(()),
            (false, true) => Err(Forbidden::Port(to.port)),
        }
    }
}

impl Allowed {
    /// One address and port: what a sandbox allows for its own.
    pub fn exactly(address: SocketAddr) -> Self {
        Self { place: Place::Network(address.ip().into()), port: Some(address.port()) }
    }

    fn covers(&self, name: Option<&str>, address: IpAddr) -> bool {
        match &self.place {
            Place::Network(network) => network.contains(&address) || network.contains(&address.to_canonical()),
            Place::Name(own) => name.is_some_and(|name| *own == plain_name(name)),
        }
    }
}

impl FromStr for Allowed {
    type Err = BadException;

    fn from_str(text: &str) -> Result<Self, BadException> {
        let bad = || BadException(text.to_owned());
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self::exactly(address));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self { place: Place::Network(address.into()), port: None });
        }
        if text.contains('/') {
            let network = text.parse().map_err(|_| bad())?;
            return Ok(Self { place: Place::Network(network), port: None });
        }
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => (name, Some(port.parse().map_err(|_| bad())?)),
            None => (text, None),
        };
        match Host::parse(name) {
            Ok(Host::Domain(name)) => Ok(Self { place: Place::Name(plain_name(&name)), port }),
            _ => Err(bad()),
        }
    }
}

fn plain_name(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Whether the whole world means the same machine by it, and a machine at all.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // This network; RFC 1122.
        (0, ..) => true,
        // Shared address space of carriers; RFC 6598.
        (100, 64..=127, _) => true,
        // IETF protocol assignments (RFC 6890) and the 6to4 relays (RFC 7526).
        (192, 0, 0) | (192, 88, 99) => true,
        // Benchmarking; RFC 2544.
        (198, 18..=19, _) => true,
        // Multicast, reserved, broadcast.
        (224..=255, ..) => true,
        _ => false,
    };
    let local = address.is_private() || address.is_loopback() || address.is_link_local();
    !(special || local || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = embedded_v4(address) {
        return is_public_v4(inner);
    }
    let [a, b, ..] = address.segments();
    let special = match (a, b) {
        // IETF protocol assignments, Teredo and ORCHID among them; documentation (RFC 3849, RFC 9637).
        (0x2001, 0..=0x01ff) | (0x2001, 0x0db8) | (0x3fff, 0..=0x0fff) => true,
        // 6to4 (RFC 7526): obsolete, and a way around the checks for IPv4.
        (0x2002, _) => true,
        _ => false,
    };
    // Only 2000::/3 is global unicast; all else is local, multicast, or nothing yet.
    a & 0xe000 == 0x2000 && !special
}

/// The IPv4 address a packet to this one ends at: IPv4-mapped addresses, and NAT64's well-known prefix (RFC 6052).
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, high, low] = address.segments();
    let octets = [high.to_be_bytes(), low.to_be_bytes()].concat();
    let inner = <[u8; 4]>::try_from(octets).ok().map(Ipv4Addr::from);
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => inner,
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What an attacker writes into a certificate: local services by many names. Also tried with a real client.
    pub(in super::super) const HOSTILE: &[&str] = &[
        "http://127.0.0.1/",
        "http://127.1/",
        "http://127.0.0.2/x",
        "http://127.255.255.254/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://0/",
        "http://0.0.0.0/",
        "http://0.1.2.3/",
        "http://10.0.0.1/",
        "http://10.255.255.255/",
        "http://172.16.0.1/",
        "http://172.31.255.255/",
        "http://192.168.0.1/",
        "http://192.168.255.1/",
        "http://0xc0a80001/",
        "http://169.254.169.254/latest/meta-data/",
        "http://169.254.0.1/",
        "http://2852039166/",
        "http://100.64.0.1/",
        "http://100.127.255.255/",
        "http://192.0.0.1/",
        "http://192.0.0.192/",
        "http://192.0.2.1/",
        "http://192.88.99.1/",
        "http://198.18.0.1/",
        "http://198.19.255.255/",
        "http://198.51.100.1/",
        "http://203.0.113.1/",
        "http://224.0.0.1/",
        "http://239.255.255.255/",
        "http://240.0.0.1/",
        "http://255.255.255.255/",
        "http://[::]/",
        "http://[::1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::127.0.0.1]/",
        "http://[::10.0.0.1]/",
        "http://[::8.8.8.8]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[::ffff:0:127.0.0.1]/",
        "http://[64:ff9b::127.0.0.1]/",
        "http://[64:ff9b::10.0.0.1]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[64:ff9b:1::1]/",
        "http://[100::1]/",
        "http://[2001::1]/",
        "http://[2001:0:7f00:1::]/",
        "http://[2001:10::1]/",
        "http://[2001:db8::1]/",
        "http://[2002:7f00:1::]/",
        "http://[2002:c0a8:1::1]/",
        "http://[2002:808:808::1]/",
        "http://[3fff::1]/",
        "http://[5f00::1]/",
        "http://[fc00::1]/",
        "http://[fd00:ec2::254]/",
        "http://[fe80::1]/",
        "http://[febf::1]/",
        "http://[fec0::1]/",
        "http://[ff02::1]/",
        "http://[ff0e::1]/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "HTTP://127.0.0.1/",
        "http://127.0.0.1:443/",
        "http://127。0。0。1/",
        "http://①②⑦.0.0.1/",
        "http://user@8.8.8.8/",
        "http://user:password@8.8.8.8/",
        "http://8.8.8.8@127.0.0.1/",
        "http://8.8.8.8:22/",
        "http://8.8.8.8:6379/",
        "http://8.8.8.8:8080/",
        "file:///etc/passwd",
        "ftp://8.8.8.8/",
        "gopher://8.8.8.8/_x",
        "ldap://8.8.8.8/",
        "data:text/plain,x",
        "unix:/run/x.sock",
        "//127.0.0.1/",
        "127.0.0.1",
        "http://",
        "http://[::1",
        "",
    ];

    fn destination(text: &str) -> Destination {
        Guard::default().destination(text).expect("acceptable")
    }

    #[test]
    fn hostile_addresses_are_refused_as_text() {
        assert!(HOSTILE.len() >= 60);
        for text in HOSTILE {
            assert!(Guard::default().destination(text).is_err(), "{text}");
        }
    }

    #[test]
    fn name_that_stands_for_a_local_address_is_refused_even_among_public_ones() {
        let to = destination("http://ca.example/x");
        let public = [IpAddr::from([8, 8, 8, 8]), "2606:4700::1111".parse().expect("address")];
        assert_eq!(Guard::default().addresses(&to, &public).expect("permitted").len(), 2);
        let mixed = [public[0], IpAddr::from([127, 0, 0, 1])];
        assert_eq!(Guard::default().addresses(&to, &mixed), Err(Forbidden::Address(mixed[1])));
        assert_eq!(Guard::default().addresses(&to, &[]), Err(Forbidden::NoAddress));
    }

    #[test]
    fn public_addresses_are_reached_on_standard_ports() {
        for text in [
            "http://8.8.8.8/",
            "https://1.1.1.1/x",
            "http://[2606:4700::1111]/",
            "http://[64:ff9b::8.8.8.8]/",
            "http://172.32.0.1/",
            "http://100.128.0.1/",
            "http://198.20.0.1:443/",
        ] {
            assert!(Guard::default().destination(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn exception_opens_exactly_what_it_says() {
        let guard = |allowed: &str| Guard::new(vec![allowed.parse().expect("an exception")]);
        let literal = |allowed: &str, text: &str| guard(allowed).destination(text).is_ok();
        assert!(literal("10.1.2.3", "http://10.1.2.3/") && !literal("10.1.2.3", "http://10.1.2.4/"));
        assert!(!literal("10.1.2.3", "http://10.1.2.3:8080/"), "the port is not opened by the address");
        assert!(literal("10.1.2.3:8080", "http://10.1.2.3:8080/"));
        assert!(!literal("10.1.2.3:8080", "http://10.1.2.3/"), "and the address not by the port");
        assert!(!literal("10.1.2.3:8080", "http://10.1.2.4:8080/"));
        assert!(!literal("10.1.2.3:8080", "http://8.8.8.8:8080/"), "nor elsewhere");
        assert!(literal("10.1.0.0/16", "http://10.1.255.1/") && !literal("10.1.0.0/16", "http://10.2.0.1/"));
        assert!(literal("[fd00::1]:8080", "http://[fd00::1]:8080/") && literal("fd00::/8", "http://[fd12::1]/"));
        assert!(literal("127.0.0.1", "http://[::ffff:127.0.0.1]/"), "the same machine, written otherwise");
        let to = |allowed: &str, text: &str| {
            let guard = guard(allowed);
            guard.destination(text).and_then(|to| guard.addresses(&to, &[IpAddr::from([10, 1, 2, 3])])).is_ok()
        };
        assert!(to("ca.internal", "http://CA.internal./crl") && !to("ca.internal", "http://xca.internal/crl"));
        assert!(to("ca.internal:8080", "http://ca.internal:8080/") && !to("ca.internal:8080", "http://ca.internal/"));
    }

    #[test]
    fn nonsense_is_no_exception() {
        for text in ["", "10.1.2.3/99", "http://ca.internal", "ca.internal:port", "a b", "10.1.2.3:99999"] {
            assert!(text.parse::<Allowed>().is_err(), "{text:?}");
        }
    }
}
