//! How many files this process may have open: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files beside connections: the database's, the listeners', the log's, and connections that are
/// being told that there is no room.
const BESIDE: u64 = 128;

/// Has the operating system allow as many as it will, and answers how many connections there can
/// be: as many as were asked for, or what is left. One more would be left waiting by the operating
/// system, where the server could tell it that there is no room.
pub(super) fn connections(asked: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        let most = Rlimit {
            current: maximum,
            maximum,
        };
        // where it will not, the limit is what it was
        let _ = setrlimit(Resource::Nofile, most);
    }
    // no limit at all where there is none
    let Some(allowed) = getrlimit(Resource::Nofile).current else {
        return asked;
    };
    let room = room(allowed);
    if room >= asked {
        return asked;
    }
    let needed = asked as u64 + BESIDE;
    tracing::warn!(
        open_files = allowed,
        needed,
        connections = room,
        asked,
        "fewer connections than asked for: the limit of open files is too low; raise it (ulimit \
         -n, LimitNOFILE) or lower --connections"
    );
    room
}

/// Connections that so many open files leave room for: at least some, however few files.
fn room(allowed: u64) -> usize {
    let room = allowed.saturating_sub(BESIDE).max(allowed / 4).max(1);
    usize::try_from(room).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_files_are_for_connections() {
        let rooms = [1_048_576, 4224, 1024, 128, 64, 0].map(room);
        assert_eq!(rooms, [1_048_448, 4096, 896, 32, 16, 1]);
    }
}
