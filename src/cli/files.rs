//! The limit on open files of this process. Each connection is one open file.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Number of files reserved for other uses than connections: the database, the listeners, the log,
/// and connections that are being refused.
const BESIDE: u64 = 128;

/// Raises the limit on open files as far as the operating system allows, and returns the number of
/// connections that are possible: the requested number, or what the limit leaves. A connection
/// beyond that would wait in the operating system instead of being refused by the server.
pub(super) fn connections(asked: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        let most = Rlimit {
            current: maximum,
            maximum,
        };
        // if this fails, the limit stays as it was
        let _ = setrlimit(Resource::Nofile, most);
    }
    // the operating system sets no limit
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

/// Number of connections that this limit on open files allows: at least one.
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
