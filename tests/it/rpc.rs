//! What callers are promised, over the real wire.

mod errors;
