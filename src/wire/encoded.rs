//! Answers that are bytes already: a message encoded earlier is copied, not made and encoded
//! again. tonic's services take these types where `build.rs` says so; clients do not see them.
//!
//! They are messages only for tonic's sake, and only to be sent: decoding one leaves it as it is.

use std::{fmt, marker::PhantomData};

use bytes::{Buf, BufMut, Bytes};
use prost::{
    DecodeError, Message,
    encoding::{DecodeContext, WireType, encode_key, encode_varint, key_len, skip_field, string},
};

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
    /// A message that was encoded before; `bytes` are those of an `M`.
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

impl<M> Message for Encoded<M> {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.bytes);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        skip_field(wire_type, tag, buf, ctx)
    }

    fn encoded_len(&self) -> usize {
        self.bytes.len()
    }

    fn clear(&mut self) {
        self.bytes.clear();
    }
}

/// A page as every List answers it: the records in field 1, the next page's token in field 2.
/// `M` is the message it stands for.
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

impl<M> Message for EncodedPage<M> {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        for item in &self.items {
            encode_key(ITEMS, WireType::LengthDelimited, buf);
            encode_varint(item.len() as u64, buf);
            buf.put_slice(item);
        }
        if !self.next_page_token.is_empty() {
            string::encode(NEXT_PAGE_TOKEN, &self.next_page_token, buf);
        }
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        skip_field(wire_type, tag, buf, ctx)
    }

    fn encoded_len(&self) -> usize {
        let items = self.items.iter().map(|item| {
            let bytes = item.len();
            key_len(ITEMS) + prost::encoding::encoded_len_varint(bytes as u64) + bytes
        });
        let token = if self.next_page_token.is_empty() {
            0
        } else {
            string::encoded_len(NEXT_PAGE_TOKEN, &self.next_page_token)
        };
        items.sum::<usize>() + token
    }

    fn clear(&mut self) {
        self.items.clear();
        self.next_page_token.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb;

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
        assert_eq!(encoded[2].encode_to_vec(), platforms[2].encode_to_vec());
        for next_page_token in ["", "more"] {
            let page = pb::ListPlatformsResponse {
                platforms: platforms.clone(),
                next_page_token: next_page_token.to_owned(),
            };
            let encoded = EncodedPage::<pb::ListPlatformsResponse>::new(
                encoded.clone(),
                next_page_token.to_owned(),
            );
            assert_eq!(encoded.encode_to_vec(), page.encode_to_vec());
            assert_eq!(encoded.encoded_len(), page.encoded_len());
            // a search answers in the same two fields
            let page = pb::SearchPlatformsResponse {
                platforms: platforms.clone(),
                next_page_token: next_page_token.to_owned(),
            };
            assert_eq!(encoded.encode_to_vec(), page.encode_to_vec());
        }
    }
}
