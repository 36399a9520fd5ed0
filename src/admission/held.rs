//! What one call holds of the shared resources, from its first byte to the last byte of its answer.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    Admission,
    connection::Connection,
    pool::{Pool, Share},
    who::Who,
};
use ndp_core::error::Error;

/// Bytes of a request body that count as one more call. Reading that many bytes costs about as much
/// as a call.
const BYTES_PER_CALL: usize = 16 * 1024;

/// Values of a JSON body that count as one more call.
const VALUES_PER_CALL: usize = 100;

/// A call may hold this many bytes of its request, and of its answer, with its place: the limits on
/// calls bound them. Most calls need no more, and so no look at the pools of bytes.
const BYTES_OF_A_PLACE: usize = 4 * 1024;

/// What a call holds. Dropping the last clone of its `Arc` releases it.
pub struct Held {
    admission: Arc<Admission>,
    connection: Arc<Connection>,
    shares: Mutex<Shares>,
}

/// The admission result for a request, carried in its extensions.
#[derive(Clone, Debug)]
pub struct Entry(pub Result<Arc<Held>, Error>);

/// The call's shares of the pools, until they are released.
struct Shares {
    who: Who,
    place: Option<Share>,
    request: Bytes,
    answer: Bytes,
    /// Bytes received since the last bytes were counted as a call.
    uncounted: usize,
    /// Bytes charged for the buffer of a message.
    decoding: usize,
    stays_open: bool,
    given_up: bool,
}

/// Bytes that a call holds: charged to a pool as a whole once they are more than its place allows.
#[derive(Default)]
struct Bytes {
    held: usize,
    charged: Option<Share>,
}

impl Bytes {
    fn grow(&mut self, pool: &Pool, who: &Who, bytes: usize) -> Result<(), Error> {
        let held = self.held.saturating_add(bytes);
        match &mut self.charged {
            Some(share) => share.grow(bytes)?,
            None if held > BYTES_OF_A_PLACE => {
                self.charged = Some(pool.take(who.clone(), held)?);
            }
            None => {}
        }
        self.held = held;
        Ok(())
    }

    fn shrink(&mut self, bytes: usize) {
        self.held = self.held.saturating_sub(bytes);
        if let Some(share) = &mut self.charged {
            share.shrink(bytes);
        }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Held by {:?}", self.shares().who)
    }
}

impl Held {
    pub(super) fn new(
        admission: Arc<Admission>,
        connection: Arc<Connection>,
        who: Who,
        place: Share,
    ) -> Arc<Self> {
        connection.begin_call();
        Arc::new(Self {
            admission,
            connection,
            shares: Mutex::new(Shares {
                who,
                place: Some(place),
                request: Bytes::default(),
                answer: Bytes::default(),
                uncounted: 0,
                decoding: 0,
                stays_open: false,
                given_up: false,
            }),
        })
    }

    /// The connection of the call.
    pub const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// The caller that is charged.
    pub fn who(&self) -> Who {
        self.shares().who.clone()
    }

    /// Charges for a wrong secret of the key with this id. Fails if there were too many.
    pub fn present_wrong_key(&self, id: &str) -> Result<(), Error> {
        self.admission.charge_wrong_key(id, &self.who())
    }

    /// Charges for work that costs as much as this number of calls, before the work begins.
    pub fn work(&self, calls: usize) -> Result<(), Error> {
        self.admission.rates.check_many(&self.who(), calls)
    }

    /// Charges the principal from now on: the caller presented a valid credential.
    pub fn pass_to(&self, who: &Who) -> Result<(), Error> {
        let mut shares = self.shares();
        if shares.who == *who {
            return Ok(());
        }
        self.admission.rates.check(who)?;
        self.connection.present_credential();
        let Shares {
            place,
            request,
            answer,
            ..
        } = &mut *shares;
        let shares_of_bytes = [&mut request.charged, &mut answer.charged];
        for share in shares_of_bytes.into_iter().chain([place]).flatten() {
            share.pass_to(who.clone())?;
        }
        shares.who = who.clone();
        Ok(())
    }

    /// Moves the call from the pool of calls being answered to the pool of watches: it stays open
    /// until its client ends it.
    pub fn stay_open(&self) -> Result<(), Error> {
        let mut shares = self.shares();
        let place = self.admission.watchers.take(shares.who.clone(), 1)?;
        shares.place = Some(place);
        if !std::mem::replace(&mut shares.stays_open, true) {
            self.connection.begin_watch();
        }
        Ok(())
    }

    /// Charges for received bytes of the request.
    pub fn receive(&self, bytes: usize) -> Result<(), Error> {
        let shares = &mut *self.shares();
        let pool = &self.admission.request_bytes;
        shares.request.grow(pool, &shares.who, bytes)?;
        shares.uncounted += bytes;
        while shares.uncounted >= BYTES_PER_CALL {
            shares.uncounted -= BYTES_PER_CALL;
            self.admission.rates.check(&shares.who)?;
        }
        Ok(())
    }

    /// Releases bytes of the request that were read and are no longer in memory.
    pub fn consumed(&self, bytes: usize) {
        self.shares().request.shrink(bytes);
    }

    /// Charges for the buffer that a message of the request is collected in. Reflection sends many
    /// messages in one call, and the decoder reuses its buffer: only the longest counts.
    pub fn decode(&self, bytes: usize) -> Result<(), Error> {
        let shares = &mut *self.shares();
        let more = bytes.saturating_sub(shares.decoding);
        shares.decoding += more;
        let pool = &self.admission.request_bytes;
        shares.request.grow(pool, &shares.who, more)
    }

    /// Charges for values of a JSON request body, before they are read.
    pub fn read_values(&self, values: usize) -> Result<(), Error> {
        let who = self.who();
        self.admission
            .rates
            .check_many(&who, values / VALUES_PER_CALL)
    }

    /// Charges for bytes of the answer that wait to be sent.
    pub fn answer(&self, bytes: usize) -> Result<(), Error> {
        let shares = &mut *self.shares();
        let pool = &self.admission.answer_bytes;
        shares.answer.grow(pool, &shares.who, bytes)
    }

    /// Refuses an answer of up to this many bytes, before it is computed, if the caller has no room
    /// for it.
    pub fn has_room_for(&self, bytes: usize) -> Result<(), Error> {
        self.admission.answer_bytes.check(&self.who(), bytes)
    }

    /// Charges for bytes of an answer that are kept before the answer is sent.
    pub fn keep(self: &Arc<Self>, bytes: usize) -> Result<Kept, Error> {
        self.answer(bytes)?;
        let held = Arc::clone(self);
        Ok(Kept { held, bytes })
    }

    /// Releases bytes of the answer that were sent or never will be.
    pub fn sent(&self, bytes: usize) {
        self.shares().answer.shrink(bytes);
    }

    /// Whether bytes of the answer wait to be sent.
    pub fn is_sending(&self) -> bool {
        let shares = self.shares();
        shares.answer.held > 0 && !shares.given_up
    }

    /// Releases everything early: the client does not read the answer.
    pub fn give_up(&self) {
        let mut shares = self.shares();
        shares.given_up = true;
        shares.place = None;
        (shares.request, shares.answer) = <(Bytes, Bytes)>::default();
    }

    fn shares(&self) -> MutexGuard<'_, Shares> {
        // code under this lock does not panic half way
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.shares().stays_open {
            self.connection.end_watch();
        }
        self.connection.end_call();
    }
}

/// Bytes of an answer that wait for something else than the client. Dropping this releases them.
#[derive(Debug)]
pub struct Kept {
    held: Arc<Held>,
    bytes: usize,
}

impl Kept {
    /// Charges for another number of bytes instead.
    pub fn change_to(&mut self, bytes: usize) -> Result<(), Error> {
        if let Some(more) = bytes.checked_sub(self.bytes) {
            self.held.answer(more)?;
            self.bytes = bytes;
        } else {
            self.sent(self.bytes - bytes);
        }
        Ok(())
    }

    /// Releases bytes that are sent now, and charged from now on as such.
    pub fn sent(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.held.sent(bytes);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.held.sent(self.bytes);
    }
}
