//! gzip (RFC 1952): compresses answers for clients that accept it, and unpacks request bodies.
//!
//! An answer is one gzip member. Each part of it is compressed separately and ends at a whole byte,
//! so that the reader of a stream sees every message when it arrives. Between messages, a stream
//! keeps only a checksum in memory: a compressor takes 300 KiB, and there are many watches.

use std::{
    io::{self, Read},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use flate2::{Compress, Compression, Crc, FlushCompress, read::MultiGzDecoder};
use http_body::{Frame, SizeHint};
use ndp_core::error::Error;
use tonic::{Status, body::Body};

/// Deflate, no flags, no time, no extra flags, unknown system.
const HEADER: [u8; 10] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF];

/// The last block, empty.
const LAST_BLOCK: [u8; 2] = [3, 0];

/// The body in gzip, part by part.
#[derive(Debug)]
pub(super) struct Gzip {
    body: Body,
    crc: Crc,
    begun: bool,
    ended: bool,
}

impl Gzip {
    pub(super) fn new(body: Body) -> Self {
        Self {
            body,
            crc: Crc::new(),
            begun: false,
            ended: false,
        }
    }

    /// The next part of the answer.
    fn part(&mut self, data: &[u8]) -> Result<Bytes, Status> {
        let mut part = self.head();
        self.crc.update(data);
        deflate(data, &mut part).map_err(|error| Status::internal(error.to_string()))?;
        Ok(part.into())
    }

    fn head(&mut self) -> Vec<u8> {
        let begun = std::mem::replace(&mut self.begun, true);
        if begun { Vec::new() } else { HEADER.to_vec() }
    }

    fn end(&mut self) -> Bytes {
        self.ended = true;
        let mut end = self.head();
        end.extend(LAST_BLOCK);
        end.extend(self.crc.sum().to_le_bytes());
        end.extend(self.crc.amount().to_le_bytes());
        end.into()
    }
}

/// Compresses the data into blocks of its own, up to a whole byte.
fn deflate(data: &[u8], to: &mut Vec<u8>) -> io::Result<()> {
    const ROOM: usize = 4096;
    let mut compress = Compress::new(Compression::fast(), false);
    let mut rest = data;
    loop {
        to.reserve(ROOM.max(rest.len() / 4));
        let before = compress.total_in();
        compress.compress_vec(rest, to, FlushCompress::Sync)?;
        let taken = usize::try_from(compress.total_in() - before).unwrap_or(usize::MAX);
        rest = rest.get(taken..).unwrap_or_default();
        // if capacity is left, all output is flushed
        if rest.is_empty() && to.len() < to.capacity() {
            return Ok(());
        }
    }
}

impl http_body::Body for Gzip {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            // an answer in JSON has no trailers
            None => Ok(self.end()),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => self.part(&data),
                Err(_) => Ok(self.end()),
            },
            Some(Err(status)) => Err(status),
        };
        Poll::Ready(Some(frame.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// Why a body in gzip cannot be read.
#[derive(Debug)]
pub(super) enum Unread {
    /// Its caller has no room for more of it.
    Refused(Error),
    /// The unpacked body is larger than allowed.
    TooLarge,
    /// The body is not valid gzip, or is incomplete.
    Malformed,
}

/// Unpacks the body, up to `most` bytes. Memory use stays within that limit, and `charge` is asked
/// for each part before it is kept.
pub(super) fn unpack(
    packed: &[u8],
    most: usize,
    mut charge: impl FnMut(usize) -> Result<(), Error>,
) -> Result<Bytes, Unread> {
    let mut decoder = MultiGzDecoder::new(packed);
    let mut bytes = BytesMut::new();
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let read = decoder.read(&mut chunk).map_err(|_| Unread::Malformed)?;
        if read == 0 {
            return Ok(bytes.freeze());
        }
        if bytes.len() + read > most {
            return Err(Unread::TooLarge);
        }
        charge(read).map_err(Unread::Refused)?;
        bytes.extend_from_slice(chunk.get(..read).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::write::GzEncoder;
    use http_body_util::{BodyExt, Full};

    use super::*;

    fn unpack(packed: &[u8], most: usize) -> Result<Bytes, String> {
        super::unpack(packed, most, |_| Ok(())).map_err(|unread| format!("{unread:?}"))
    }

    fn packed(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    /// Noise that does not compress.
    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state.to_be_bytes()[0]
        };
        (0..len).map(|_| next()).collect()
    }

    #[tokio::test]
    async fn what_is_packed_is_the_same_unpacked() {
        for data in [
            Vec::new(),
            b"x".to_vec(),
            b"{\"a\": 1}\n".repeat(100_000),
            noise(4095),
            noise(4096),
            noise(300_000),
        ] {
            let body = Gzip::new(Body::new(Full::new(Bytes::from(data.clone()))));
            let packed = body.collect().await.unwrap().to_bytes();
            assert!(
                unpack(&packed, data.len()).unwrap() == data,
                "{}",
                data.len()
            );
        }
    }

    /// Every part can be read before the next one arrives.
    #[test]
    fn parts_end_at_whole_messages() {
        let mut gzip = Gzip::new(Body::empty());
        let mut decoder = flate2::write::GzDecoder::new(Vec::new());
        let mut expected = Vec::new();
        for part in [&b"{\"revision\":\"1\"}\n"[..], b"", &noise(70_000), b"{}\n"] {
            decoder.write_all(&gzip.part(part).unwrap()).unwrap();
            decoder.flush().unwrap();
            expected.extend_from_slice(part);
            assert!(*decoder.get_ref() == expected);
        }
        decoder.write_all(&gzip.end()).unwrap();
        assert!(decoder.finish().unwrap() == expected);
    }

    #[test]
    fn no_more_is_unpacked_than_there_may_be() {
        let bomb = packed(&vec![0; 10_000_000]);
        assert!(bomb.len() < 20_000);
        assert_eq!(unpack(&bomb, 1000), Err("TooLarge".to_owned()));
        let whole = packed(b"{}");
        assert_eq!(unpack(&whole, 2).unwrap(), "{}");
        assert_eq!(unpack(&whole, 1), Err("TooLarge".to_owned()));
        assert_eq!(
            unpack(&[whole.clone(), whole.clone()].concat(), 4).unwrap(),
            "{}{}"
        );
        for cut in 1..whole.len() {
            assert_eq!(
                unpack(&whole[..cut], 2),
                Err("Malformed".to_owned()),
                "{cut}"
            );
        }
        assert_eq!(unpack(b"{}", 2), Err("Malformed".to_owned()));
        assert_eq!(
            unpack(&[&whole[..], b"{}"].concat(), 9),
            Err("Malformed".to_owned())
        );
        let mut spoilt = whole;
        *spoilt.last_mut().unwrap() ^= 1;
        assert_eq!(unpack(&spoilt, 2), Err("Malformed".to_owned()));
    }
}
