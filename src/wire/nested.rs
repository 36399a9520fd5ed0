//! A limit on the number of messages in a request, checked before the request is decoded: an empty
//! message takes two bytes on the wire and hundreds in memory.

use prost_reflect::{
    Kind, MessageDescriptor,
    prost::{
        bytes::Buf,
        encoding::{WireType, decode_key, decode_varint},
    },
};

use super::descriptors::POOL;

/// Maximum number of messages within one request. The field rules allow far fewer.
pub const MESSAGES_MAX: usize = 10_000;

/// Size of an empty message with its key and length, the smallest encoding of a message.
const MESSAGE_BYTES_MIN: usize = 2;

/// Maximum depth that is counted. The decoder refuses deeper messages.
const DEPTH_MAX: usize = 100;

/// Whether the encoded message of the named type contains more than [`MESSAGES_MAX`] messages.
/// Malformed bytes are not reported here; the decoder refuses them.
pub fn has_too_many(full_name: &str, bytes: &[u8]) -> bool {
    if bytes.len() <= MESSAGES_MAX * MESSAGE_BYTES_MIN {
        return false;
    }
    let Some(descriptor) = POOL.get_message_by_name(full_name) else {
        return false;
    };
    let mut left = MESSAGES_MAX;
    count(&descriptor, bytes, &mut left, DEPTH_MAX).is_err()
}

/// The number of messages exceeds the limit.
struct TooMany;

fn count(
    descriptor: &MessageDescriptor,
    mut bytes: &[u8],
    left: &mut usize,
    depth: usize,
) -> Result<(), TooMany> {
    if depth == 0 {
        return Ok(());
    }
    while !bytes.is_empty() {
        let Ok((number, wire_type)) = decode_key(&mut bytes) else {
            return Ok(());
        };
        let length = match wire_type {
            WireType::Varint => {
                if decode_varint(&mut bytes).is_err() {
                    return Ok(());
                }
                continue;
            }
            WireType::SixtyFourBit => 8,
            WireType::ThirtyTwoBit => 4,
            WireType::LengthDelimited => match decode_varint(&mut bytes) {
                Ok(length) => usize::try_from(length).unwrap_or(usize::MAX),
                Err(_) => return Ok(()),
            },
            // no message here has groups
            WireType::StartGroup | WireType::EndGroup => return Ok(()),
        };
        let Some(value) = bytes.get(..length) else {
            return Ok(());
        };
        if wire_type == WireType::LengthDelimited
            && let Some(field) = descriptor.get_field(number)
            && let Kind::Message(inner) = field.kind()
        {
            *left = left.checked_sub(1).ok_or(TooMany)?;
            count(&inner, value, left, depth - 1)?;
        }
        bytes.advance(length);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use prost::{Message, Name};

    use super::*;
    use crate::pb;

    fn request(sources: usize, listings: usize) -> Vec<u8> {
        let listing = pb::platform::Listing {
            sources: vec![pb::Source::default()],
            ..pb::platform::Listing::default()
        };
        let request = pb::UpdatePlatformRequest {
            platform: Some(pb::Platform {
                sources: vec![pb::Source::default(); sources],
                listings: vec![listing; listings],
                ..pb::Platform::default()
            }),
            reason: "x".repeat(MESSAGE_BYTES_MIN * MESSAGES_MAX),
            ..pb::UpdatePlatformRequest::default()
        };
        request.encode_to_vec()
    }

    fn too_many(bytes: &[u8]) -> bool {
        has_too_many(&pb::UpdatePlatformRequest::full_name(), bytes)
    }

    #[test]
    fn messages_are_counted_wherever_they_are() {
        // the platform itself counts as one
        assert!(!too_many(&request(MESSAGES_MAX - 1, 0)));
        assert!(too_many(&request(MESSAGES_MAX, 0)));
        // and each listing contains another
        assert!(!too_many(&request(1, MESSAGES_MAX / 2 - 1)));
        assert!(too_many(&request(2, MESSAGES_MAX / 2 - 1)));
    }

    #[test]
    fn what_is_malformed_is_left_to_whoever_reads_it() {
        let cut = request(0, 0);
        assert!(!too_many(&cut[..cut.len() - 1]));
        assert!(!has_too_many(
            "ndp.registry.v1.Nothing",
            &request(MESSAGES_MAX, 0)
        ));
    }
}
