//! Reads the message prefixes in a gRPC body: how many messages begin, and the lengths that they
//! announce.

/// The prefixes of a byte stream that is split at arbitrary positions.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The current message prefix: a flag and four bytes of length.
    prefix: [u8; 5],
    prefix_bytes: usize,
    /// Bytes left of the current message.
    left: usize,
}

/// The messages that begin in some bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Begun {
    pub(super) messages: u64,
    /// The longest of them, in bytes.
    pub(super) longest: usize,
}

impl Frames {
    /// Reads the next bytes of the stream.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Begun {
        let mut begun = Begun::default();
        while !bytes.is_empty() {
            if self.left > 0 {
                let skipped = self.left.min(bytes.len());
                self.left -= skipped;
                bytes = bytes.get(skipped..).unwrap_or_default();
            } else if let Some((first, rest)) = bytes.split_first() {
                if let Some(place) = self.prefix.get_mut(self.prefix_bytes) {
                    *place = *first;
                }
                self.prefix_bytes += 1;
                bytes = rest;
                if self.prefix_bytes == self.prefix.len() {
                    let [_, a, b, c, d] = self.prefix;
                    self.left = u32::from_be_bytes([a, b, c, d]) as usize;
                    self.prefix_bytes = 0;
                    begun.messages += 1;
                    begun.longest = begun.longest.max(self.left);
                }
            }
        }
        begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_however_the_bytes_are_cut() {
        let mut bytes = Vec::new();
        for length in [0_u8, 3, 1, 0, 7] {
            bytes.extend([0, 0, 0, 0, length]);
            bytes.extend(std::iter::repeat_n(9, length.into()));
        }
        for size in 1..=bytes.len() {
            let mut frames = Frames::default();
            let begun: Vec<_> = bytes.chunks(size).map(|it| frames.read(it)).collect();
            let messages: u64 = begun.iter().map(|it| it.messages).sum();
            let longest = begun.iter().map(|it| it.longest).max();
            assert_eq!((messages, longest), (5, Some(7)), "in pieces of {size}");
        }
    }

    #[test]
    fn a_length_is_known_before_its_bytes_arrive() {
        let mut frames = Frames::default();
        assert_eq!(frames.read(&[0, 0, 1]), Begun::default());
        let begun = frames.read(&[0, 0]);
        assert_eq!((begun.messages, begun.longest), (1, 0x1_0000));
    }
}
