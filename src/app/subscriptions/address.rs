//! Where somebody may be told: never within the network that this service stands in, unless that is allowed.

use super::SubscriptionSettings;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ureq::http::Uri;

/// Longest address, in bytes.
const LONGEST: usize = 2000;

/// Networks of IPv4 that are not the public internet (RFC 6890 and what was registered since), with the length of their
/// prefix. The addresses at which clouds tell machines about themselves lie in 169.254.0.0/16.
const NOT_PUBLIC_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The only network of IPv6 that is the public internet.
const PUBLIC_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What of it is not: protocols and tunnels, in whose addresses one of IPv4 may be hidden, and documentation.
const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Whether an address is one of the public internet. Loopback, private and shared networks, link-local and unique local
/// addresses, multicast, and addresses of IPv6 that stand for one of IPv4 are not.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC_V4
            .iter()
            .any(|(network, prefix)| in_v4(address, *network, *prefix)),
        IpAddr::V6(address) => {
            in_v6(address, PUBLIC_V6.0, PUBLIC_V6.1)
                && !NOT_PUBLIC_V6
                    .iter()
                    .any(|(network, prefix)| in_v6(address, *network, *prefix))
        }
    }
}

fn in_v4(address: Ipv4Addr, network: Ipv4Addr, prefix: u32) -> bool {
    (u32::from(address) ^ u32::from(network)).leading_zeros() >= prefix
}

fn in_v6(address: Ipv6Addr, network: Ipv6Addr, prefix: u32) -> bool {
    (u128::from(address) ^ u128::from(network)).leading_zeros() >= prefix
}

/// What is wrong with an address at which somebody wants to be told, if anything is: a code and what would be accepted.
/// What a name stands for is looked up when somebody is told, and looked at again then.
///
/// # Errors
/// A stable code and what is wrong.
pub fn check(
    text: &str,
    settings: SubscriptionSettings,
) -> Result<(), (&'static str, &'static str)> {
    const SHAPE: &str =
        "Expected an address as https://ehr.example.org/medial, at most 2000 characters long.";
    let plain = text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic());
    let uri: Uri = text
        .parse()
        .ok()
        .filter(|_| plain && !text.contains('#'))
        .ok_or(("invalid_url", SHAPE))?;
    let authority = uri.authority().ok_or(("invalid_url", SHAPE))?;
    let host = authority.host();
    if host.is_empty() || authority.as_str().ends_with(':') {
        return Err(("invalid_url", SHAPE));
    }
    if authority.as_str().contains('@') {
        let what = "A user name or a password must not be part of the address.";
        return Err(("credentials_in_url", what));
    }
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if settings.allow_private_addresses => {}
        None => return Err(("invalid_url", SHAPE)),
        Some(_) => {
            let what = "Expected an address that begins with https.";
            return Err(("https_required", what));
        }
    }
    if settings.allow_private_addresses || !is_within(host) {
        return Ok(());
    }
    let what = "This service tells nobody within its own network. Whoever runs it can allow that.";
    Err(("private_address", what))
}

/// Whether a host is named by an address that is not public, or by a name that stands for this machine.
fn is_within(host: &str) -> bool {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return !is_public(address);
    }
    let name = bare.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOSED: SubscriptionSettings = SubscriptionSettings {
        allow_private_addresses: false,
    };
    const OPEN: SubscriptionSettings = SubscriptionSettings {
        allow_private_addresses: true,
    };

    #[test]
    fn only_the_public_internet_is_public() {
        let public = [
            "1.1.1.1",
            "8.8.8.8",
            "100.128.0.1",
            "172.32.0.1",
            "2606:4700::1111",
        ];
        for address in public {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        let within = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.31.255.255",
            "192.168.0.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
        ];
        for address in within {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn an_address_that_nobody_may_be_told_at_is_refused() {
        let code = |text, settings| check(text, settings).map_err(|(code, _)| code);
        assert_eq!(code("https://ehr.example.org:8443/a?b=c", CLOSED), Ok(()));
        assert_eq!(code("http://127.0.0.1:9/", OPEN), Ok(()));
        for (text, expected) in [
            ("", "invalid_url"),
            ("ehr.example.org", "invalid_url"),
            ("/hook", "invalid_url"),
            ("https://", "invalid_url"),
            ("https://example.org/a b", "invalid_url"),
            ("https://example.org/#a", "invalid_url"),
            ("https://me:pw@example.org/", "credentials_in_url"),
            ("http://example.org/", "https_required"),
            ("ftp://example.org/", "https_required"),
            ("https://127.0.0.1/", "private_address"),
            ("https://[::1]/", "private_address"),
            ("https://[::ffff:10.0.0.1]/", "private_address"),
            ("https://169.254.169.254/latest", "private_address"),
            ("https://localhost/", "private_address"),
            ("https://a.LOCALHOST./", "private_address"),
        ] {
            assert_eq!(code(text, CLOSED), Err(expected), "{text}");
        }
    }
}
