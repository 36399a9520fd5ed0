//! The PROXY protocol, versions 1 and 2, of HAProxy: the header that a proxy sends at the start of
//! a connection, before TLS, to say for which address it opened it.
//!
//! Nothing after the header is read, so the connection can be served as if its client had opened
//! it.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use ppp::{HeaderResult, v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt};

/// What version 2 begins with.
const SIGNATURE: &[u8] = v2::PROTOCOL_PREFIX;

/// Bytes of a header of version 2 up to and including the length of the rest.
const FIXED_BYTES: usize = 16;

/// Maximum length of that rest: the addresses, and what else a proxy says of the connection.
const REST_BYTES_MAX: u16 = 4096;

/// Maximum length of a header of version 1, as its specification says.
const LINE_BYTES_MAX: usize = 107;

/// Reads the header. Returns the client's address, or `None` if the proxy says that it calls for
/// itself, as for a health check.
pub(crate) async fn read_client<R>(stream: &mut R) -> io::Result<Option<SocketAddr>>
where
    R: AsyncRead + Unpin,
{
    let mut header = vec![0; SIGNATURE.len()];
    stream.read_exact(&mut header).await?;
    if header == SIGNATURE {
        header.resize(FIXED_BYTES, 0);
        let (_, fixed) = header.split_at_mut(SIGNATURE.len());
        stream.read_exact(fixed).await?;
        let length = match *fixed {
            [.., high, low] => u16::from_be_bytes([high, low]),
            _ => 0,
        };
        if length > REST_BYTES_MAX {
            return Err(invalid("the header is longer than 4096 bytes"));
        }
        header.resize(FIXED_BYTES + usize::from(length), 0);
        let (_, rest) = header.split_at_mut(FIXED_BYTES);
        stream.read_exact(rest).await?;
    } else if header.starts_with(v1::PROTOCOL_PREFIX.as_bytes()) {
        while !header.ends_with(b"\n") && header.len() < LINE_BYTES_MAX {
            header.push(stream.read_u8().await?);
        }
    } else {
        return Err(invalid("the connection does not begin with a header"));
    }
    client(&header)
}

/// The client's address in a whole header.
fn client(header: &[u8]) -> io::Result<Option<SocketAddr>> {
    let address = match HeaderResult::parse(header) {
        HeaderResult::V1(header) => match header.map_err(invalid)?.addresses {
            v1::Addresses::Tcp4(it) => Some((it.source_address.into(), it.source_port)),
            v1::Addresses::Tcp6(it) => Some((it.source_address.into(), it.source_port)),
            v1::Addresses::Unknown => None,
        },
        HeaderResult::V2(header) => {
            let header = header.map_err(invalid)?;
            match (header.command, header.addresses) {
                (v2::Command::Proxy, v2::Addresses::IPv4(it)) => {
                    Some((IpAddr::from(it.source_address), it.source_port))
                }
                (v2::Command::Proxy, v2::Addresses::IPv6(it)) => {
                    Some((IpAddr::from(it.source_address), it.source_port))
                }
                (v2::Command::Local, _) | (v2::Command::Proxy, _) => None,
            }
        }
    };
    Ok(address.map(SocketAddr::from))
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[0x20 | command, family], &length, rest].concat()
    }

    /// What is read of these bytes, and how many are left.
    async fn read(bytes: &[u8]) -> (Result<Option<String>, String>, usize) {
        let mut left = bytes;
        let read = read_client(&mut left).await;
        let read = read.map(|it| it.map(|it| it.to_string()));
        (read.map_err(|error| error.to_string()), left.len())
    }

    const V4: [u8; 12] = [192, 0, 2, 1, 10, 0, 0, 1, 0x12, 0x67, 0x01, 0xbb];

    #[tokio::test]
    async fn a_header_says_for_whom_and_nothing_after_it_is_read() {
        let mut v6 = [0; 36];
        v6[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        v6[15] = 1;
        v6[32..].copy_from_slice(&[0x12, 0x67, 0x01, 0xbb]);
        // a value of type NOOP after the addresses
        let with_value = [&V4[..], &[4, 0, 2, 7, 7]].concat();
        let cases: [(&[u8], Option<&str>); 9] = [
            (
                b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\n",
                Some("192.0.2.1:4711"),
            ),
            (
                b"PROXY TCP6 2001:db8::1 fd00::1 4711 443\r\n",
                Some("[2001:db8::1]:4711"),
            ),
            (b"PROXY UNKNOWN\r\n", None),
            (b"PROXY UNKNOWN ffff::1 ffff::1 65535 65535\r\n", None),
            (&version_2(1, 0x11, &V4), Some("192.0.2.1:4711")),
            (&version_2(1, 0x11, &with_value), Some("192.0.2.1:4711")),
            (&version_2(1, 0x21, &v6), Some("[2001:db8::1]:4711")),
            // a health check of the proxy, and a client without an address
            (&version_2(0, 0x00, &[]), None),
            (&version_2(1, 0x00, &[]), None),
        ];
        for (header, expected) in cases {
            let sent = [header, b"\x16\x03\x01"].concat();
            let expected = Ok(expected.map(str::to_owned));
            assert_eq!(read(&sent).await, (expected, 3), "{header:?}");
        }
    }

    #[tokio::test]
    async fn anything_else_is_an_error() {
        let endless = [&b"PROXY TCP4 "[..], &[b'1'; 200]].concat();
        let mut too_long = version_2(1, 0x11, &V4);
        too_long[14..16].copy_from_slice(&4097_u16.to_be_bytes());
        let cases: [(&[u8], &str); 9] = [
            (b"GET / HTTP/1.1\r\n", "does not begin with a header"),
            (b"PRI * HTTP/2.0\r\n\r\n", "does not begin with a header"),
            (b"", "early eof"),
            (b"PROXY TCP4 192.0.2.1", "end of file"),
            (&version_2(1, 0x11, &V4)[..20], "early eof"),
            (b"PROXY TCP4 192.0.2.1 10.0.0.1 4711\r\n", ""),
            (b"PROXY TCP4 example.org 10.0.0.1 4711 443\r\n", ""),
            (&endless, ""),
            (&too_long, "longer than 4096 bytes"),
        ];
        for (sent, expected) in cases {
            let (read, _) = read(sent).await;
            let error = read.expect_err("an error");
            assert!(error.contains(expected), "{sent:?}: {error}");
        }
        // addresses of a family that are too short for it
        assert!(read(&version_2(1, 0x21, &V4)).await.0.is_err());
    }
}
