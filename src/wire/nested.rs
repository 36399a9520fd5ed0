//! How many messages a request holds, counted before it is read: an empty message takes two bytes
//! on the wire and hundreds in memory.

use std::sync::LazyLock;

use prost_reflect::{
    DescriptorPool, Kind, MessageDescriptor,
    prost::{
        bytes::Buf,
        encoding::{WireType, decode_key, decode_varint},
    },
};

use crate::pb;

/// Most messages within one request; the field rules allow far fewer.
pub const MESSAGES_MAX: usize = 10_000;

/// An empty message with its key and length: fewer bytes than so many times this hold no more.
const MESSAGE_BYTES_MIN: usize = 2;

/// Messages within each other; what is nested deeper is refused when it is read.
const DEPTH_MAX: usize = 100;

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    // It is compiled in; what cannot be read would be left uncounted.
    DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).unwrap_or_default()
});

/// Whether the bytes of a message, of the type that is named, hold more messages than are read.
/// What is malformed is left to whoever reads it.
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

/// More messages than are left to count.
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
            // none of ours has groups
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
        // the platform is one itself
        assert!(!too_many(&request(MESSAGES_MAX - 1, 0)));
        assert!(too_many(&request(MESSAGES_MAX, 0)));
        // and each listing holds another
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
