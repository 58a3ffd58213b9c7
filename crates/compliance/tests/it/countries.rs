//! Countries from a table that the test writes itself, byte by byte, after the MaxMind DB format specification 2.0.

use std::net::IpAddr;

use compliance::Countries;

/// `(network, bits, country)`; IPv4 networks lie at ::a.b.c.d, as the format says.
const NETWORKS: [(&str, u32, &str); 3] =
    [("203.0.113.0", 24, "US"), ("198.51.100.0", 24, "BR"), ("2001:db8:1::", 48, "DE")];

#[test]
fn an_address_is_in_the_country_that_the_table_names_and_otherwise_nowhere() {
    for is_nested in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("countries.mmdb");
        std::fs::write(&file, table(is_nested)).unwrap();
        let countries = Countries::open(&file).unwrap();
        let of = |address: &str| countries.country(address.parse().unwrap());
        assert_eq!(of("203.0.113.200"), Some(*b"US"));
        assert_eq!(of("::ffff:203.0.113.200"), Some(*b"US"), "an IPv4 client of an IPv6 socket");
        assert_eq!(of("198.51.100.1"), Some(*b"BR"));
        assert_eq!(of("2001:db8:1:2::3"), Some(*b"DE"));
        for nowhere in ["203.0.112.255", "10.0.0.1", "127.0.0.1", "2001:db8:2::1", "::1"] {
            assert_eq!(of(nowhere), None, "{nowhere}");
        }
        assert_eq!(countries.made_s(), Some(1_795_694_400));
    }
}

#[test]
fn without_a_table_every_country_is_unknown() {
    assert_eq!(Countries::none().country(IpAddr::from([203, 0, 113, 200])), None);
    assert!(!Countries::none().is_there());
}

#[test]
fn a_file_that_is_no_table_or_is_damaged_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("countries.mmdb");
    let missing = Countries::open(&file).err().unwrap().to_string();
    assert!(missing.contains("countries.mmdb") && missing.contains("not found"), "{missing}");
    let whole = table(false);
    let mut pointing_nowhere = whole.clone();
    pointing_nowhere[..8].fill(0xff);
    let torn = whole[..whole.len() / 2].to_vec();
    for bytes in [Vec::new(), b"no table at all".to_vec(), torn, pointing_nowhere] {
        std::fs::write(&file, bytes).unwrap();
        let refused = Countries::open(&file).err().unwrap().to_string();
        assert!(refused.starts_with("the table of countries cannot be used"), "{refused}");
    }
}

/// Search tree of 32-bit records, sixteen zero bytes, data, metadata.
fn table(is_nested: bool) -> Vec<u8> {
    let mut data = Vec::new();
    let mut nodes: Vec<[Option<Child>; 2]> = vec![[None, None]];
    for (network, bits, country) in NETWORKS {
        let offset = data.len() as u32;
        let code = if is_nested { "iso_code" } else { "country_code" };
        if is_nested {
            data.push(7 << 5 | 1);
            string(&mut data, "country");
        }
        data.push(7 << 5 | 1);
        string(&mut data, code);
        string(&mut data, country);
        let (address, depth) = match network.parse().unwrap() {
            IpAddr::V4(v4) => (u128::from(u32::from(v4)), bits + 96),
            IpAddr::V6(v6) => (u128::from(v6), bits),
        };
        let mut node = 0;
        for at in 0..depth {
            let side = (address >> (127 - at) & 1) as usize;
            if at + 1 == depth {
                nodes[node][side] = Some(Child::Data(offset));
            } else if let Some(Child::Node(next)) = nodes[node][side] {
                node = next;
            } else {
                nodes.push([None, None]);
                nodes[node][side] = Some(Child::Node(nodes.len() - 1));
                node = nodes.len() - 1;
            }
        }
    }
    let count = nodes.len() as u32;
    let mut out = Vec::new();
    for child in nodes.iter().flatten() {
        let value = match child {
            None => count,
            Some(Child::Node(node)) => *node as u32,
            Some(Child::Data(offset)) => count + 16 + offset,
        };
        out.extend_from_slice(&value.to_be_bytes());
    }
    out.extend_from_slice(&[0; 16]);
    out.extend(data);
    out.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    metadata(&mut out, count);
    out
}

#[derive(Clone, Copy)]
enum Child {
    Node(usize),
    Data(u32),
}

fn metadata(out: &mut Vec<u8>, nodes: u32) {
    out.push(7 << 5 | 9);
    string(out, "binary_format_major_version");
    number(out, 5, 2);
    string(out, "binary_format_minor_version");
    number(out, 5, 0);
    string(out, "build_epoch");
    out.extend_from_slice(&[4, 2]);
    out.extend_from_slice(&1_795_694_400_u32.to_be_bytes());
    string(out, "database_type");
    string(out, "test-country");
    string(out, "description");
    out.push(7 << 5 | 1);
    string(out, "en");
    string(out, "made by a test");
    string(out, "ip_version");
    number(out, 5, 6);
    string(out, "languages");
    out.extend_from_slice(&[1, 4]);
    string(out, "en");
    string(out, "node_count");
    number(out, 6, nodes);
    string(out, "record_size");
    number(out, 5, 32);
}

fn string(out: &mut Vec<u8>, text: &str) {
    assert!(text.len() < 29);
    out.push(2 << 5 | text.len() as u8);
    out.extend_from_slice(text.as_bytes());
}

/// Type 5 is a 16-bit number, 6 a 32-bit one.
fn number(out: &mut Vec<u8>, kind: u8, value: u32) {
    let bytes = if kind == 5 { value.to_be_bytes()[2..].to_vec() } else { value.to_be_bytes().to_vec() };
    out.push(kind << 5 | bytes.len() as u8);
    out.extend(bytes);
}
