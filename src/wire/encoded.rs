//! Answers as encoded bytes: a message that was encoded earlier is copied, not built and encoded
//! again. tonic's services use these types where `build.rs` configures it, and write them with
//! [`AnswerCodec`]. Clients do not see the difference.

use ndp_core::messages::Protocol;
use std::{fmt, marker::PhantomData};

use bytes::{Buf, BufMut, Bytes};
use prost::{
    Message, Name,
    encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len, string},
};
use tonic::{
    Status,
    codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};
use tonic_prost::ProstDecoder;

use super::{nested, status};

/// What a method answers with: a message, or the bytes of one.
pub trait Payload {
    /// The length of its encoding, in bytes.
    fn encoded_len(&self) -> usize;

    /// Writes its encoding.
    fn write(&self, buf: &mut impl BufMut);
}

impl<M: Message> Payload for M {
    fn encoded_len(&self) -> usize {
        Message::encoded_len(self)
    }

    fn write(&self, buf: &mut impl BufMut) {
        self.encode_raw(buf);
    }
}

/// A message of type `M` as its bytes.
pub struct Encoded<M> {
    bytes: Bytes,
    message: PhantomData<fn() -> M>,
}

impl<M: Message> Encoded<M> {
    /// Encodes a message.
    pub fn new(message: &M) -> Self {
        Self {
            bytes: message.encode_to_vec().into(),
            message: PhantomData,
        }
    }
}

impl<M> Encoded<M> {
    /// Wraps a message that was encoded before. `bytes` must be the encoding of an `M`.
    pub fn from_bytes(bytes: Bytes) -> Self {
        Self {
            bytes,
            message: PhantomData,
        }
    }

    /// The message's bytes, shared.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

impl<M> Clone for Encoded<M> {
    fn clone(&self) -> Self {
        Self {
            bytes: self.bytes.clone(),
            message: PhantomData,
        }
    }
}

impl<M> fmt::Debug for Encoded<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoded({} bytes)", self.bytes.len())
    }
}

impl<M> Payload for Encoded<M> {
    fn encoded_len(&self) -> usize {
        self.bytes.len()
    }

    fn write(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.bytes);
    }
}

/// A page as every List answers it: the records in field 1, the next page's token in field 2.
/// `M` is the type of the encoded message.
pub struct EncodedPage<M> {
    items: Vec<Bytes>,
    next_page_token: String,
    message: PhantomData<fn() -> M>,
}

const ITEMS: u32 = 1;
const NEXT_PAGE_TOKEN: u32 = 2;

impl<M> EncodedPage<M> {
    /// A page of these records.
    pub fn new<R>(records: Vec<Encoded<R>>, next_page_token: String) -> Self {
        Self {
            items: records.into_iter().map(|record| record.bytes).collect(),
            next_page_token,
            message: PhantomData,
        }
    }
}

impl<M> fmt::Debug for EncodedPage<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncodedPage({} items)", self.items.len())
    }
}

impl<M> Payload for EncodedPage<M> {
    fn encoded_len(&self) -> usize {
        let items = self.items.iter().map(|item| {
            let bytes = item.len();
            key_len(ITEMS) + encoded_len_varint(bytes as u64) + bytes
        });
        let token = if self.next_page_token.is_empty() {
            0
        } else {
            string::encoded_len(NEXT_PAGE_TOKEN, &self.next_page_token)
        };
        items.sum::<usize>() + token
    }

    fn write(&self, buf: &mut impl BufMut) {
        for item in &self.items {
            encode_key(ITEMS, WireType::LengthDelimited, buf);
            encode_varint(item.len() as u64, buf);
            buf.put_slice(item);
        }
        if !self.next_page_token.is_empty() {
            string::encode(NEXT_PAGE_TOKEN, &self.next_page_token, buf);
        }
    }
}

// === codec ===

/// Reads requests `D` as prost does, and writes answers `E` into a buffer of the right length.
/// prost's codec starts with 8 KiB for each answer and doubles the buffer repeatedly for a long
/// page.
#[derive(Debug)]
pub struct AnswerCodec<E, D>(PhantomData<fn() -> (E, D)>);

impl<E, D> Default for AnswerCodec<E, D> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<E, D> Codec for AnswerCodec<E, D>
where
    E: Payload + Send + 'static,
    D: Message + Name + Default + Send + 'static,
{
    type Encode = E;
    type Decode = D;
    type Encoder = AnswerEncoder<E>;
    type Decoder = RequestDecoder<D>;

    fn encoder(&mut self) -> AnswerEncoder<E> {
        AnswerEncoder(PhantomData)
    }

    fn decoder(&mut self) -> RequestDecoder<D> {
        let settings = BufferSettings::new(REQUEST_BUFFER_BYTES, YIELD_BYTES);
        RequestDecoder(ProstDecoder::new(settings))
    }
}

/// The decoder of [`AnswerCodec`]. It refuses a message with too many nested messages.
#[derive(Debug)]
pub struct RequestDecoder<D>(ProstDecoder<D>);

impl<D: Message + Name + Default> Decoder for RequestDecoder<D> {
    type Item = D;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<D>, Status> {
        // the buffer holds the whole message in one piece
        if nested::has_too_many(&D::full_name(), buf.chunk()) {
            return Err(status::protocol(&Protocol::MessageTooComplex {
                most: nested::MESSAGES_MAX,
            }));
        }
        self.0.decode(buf)
    }

    fn buffer_settings(&self) -> BufferSettings {
        self.0.buffer_settings()
    }
}

/// The encoder of [`AnswerCodec`].
#[derive(Debug)]
pub struct AnswerEncoder<E>(PhantomData<fn() -> E>);

/// Initial size of a request buffer. Most requests are names and a few words.
const REQUEST_BUFFER_BYTES: usize = 1024;
/// Initial size of an answer buffer. Most records fit.
const BUFFER_BYTES: usize = 2048;
/// Messages of a stream are sent together up to this many bytes, as by prost's codec.
const YIELD_BYTES: usize = 32 * 1024;

impl<E: Payload> Encoder for AnswerEncoder<E> {
    type Item = E;
    type Error = Status;

    fn encode(&mut self, answer: E, buf: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buf.reserve(answer.encoded_len());
        answer.write(buf);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER_BYTES, YIELD_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb;

    fn bytes(answer: &impl Payload) -> Vec<u8> {
        let mut bytes = Vec::new();
        answer.write(&mut bytes);
        bytes
    }

    #[test]
    fn the_bytes_are_those_of_the_messages() {
        let platforms: Vec<_> = (0..3)
            .map(|number| pb::Platform {
                name: format!("platforms/p-{number}"),
                display_name: "Nền tảng ".repeat(number * 20),
                revision: 7,
                ..Default::default()
            })
            .collect();
        let encoded: Vec<_> = platforms.iter().map(Encoded::new).collect();
        assert_eq!(bytes(&encoded[2]), platforms[2].encode_to_vec());
        for next_page_token in ["", "more"] {
            let page = pb::ListPlatformsResponse {
                platforms: platforms.clone(),
                next_page_token: next_page_token.to_owned(),
            };
            let encoded = EncodedPage::<pb::ListPlatformsResponse>::new(
                encoded.clone(),
                next_page_token.to_owned(),
            );
            assert_eq!(bytes(&encoded), page.encode_to_vec());
            assert_eq!(encoded.encoded_len(), Message::encoded_len(&page));
            // a search answers in the same two fields
            let page = pb::SearchPlatformsResponse {
                platforms: platforms.clone(),
                next_page_token: next_page_token.to_owned(),
            };
            assert_eq!(bytes(&encoded), page.encode_to_vec());
        }
    }
}
