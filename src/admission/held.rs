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
    request: Option<Share>,
    answer: Option<Share>,
    /// Bytes received since the last bytes were counted as a call.
    uncounted: usize,
    /// Bytes charged for the buffer of a message.
    decoding: usize,
    stays_open: bool,
    given_up: bool,
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
                request: None,
                answer: None,
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
        for share in [place, request, answer].into_iter().flatten() {
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
        take(
            &self.admission.request_bytes,
            &mut shares.request,
            &shares.who,
            bytes,
        )?;
        shares.uncounted += bytes;
        while shares.uncounted >= BYTES_PER_CALL {
            shares.uncounted -= BYTES_PER_CALL;
            self.admission.rates.check(&shares.who)?;
        }
        Ok(())
    }

    /// Charges for the buffer that a message of the request is collected in. Reflection sends many
    /// messages in one call, and the decoder reuses its buffer: only the longest counts.
    pub fn decode(&self, bytes: usize) -> Result<(), Error> {
        let shares = &mut *self.shares();
        let more = bytes.saturating_sub(shares.decoding);
        shares.decoding += more;
        take(
            &self.admission.request_bytes,
            &mut shares.request,
            &shares.who,
            more,
        )
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
        take(
            &self.admission.answer_bytes,
            &mut shares.answer,
            &shares.who,
            bytes,
        )
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
        if let Some(answer) = &mut self.shares().answer {
            answer.shrink(bytes);
        }
    }

    /// Whether bytes of the answer wait to be sent.
    pub fn is_sending(&self) -> bool {
        let shares = self.shares();
        let waiting = shares.answer.as_ref().is_some_and(|it| it.amount() > 0);
        waiting && !shares.given_up
    }

    /// Releases everything early: the client does not read the answer.
    pub fn give_up(&self) {
        let mut shares = self.shares();
        shares.given_up = true;
        (shares.place, shares.request, shares.answer) = (None, None, None);
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

fn take(pool: &Pool, share: &mut Option<Share>, who: &Who, bytes: usize) -> Result<(), Error> {
    match share {
        Some(share) => share.grow(bytes),
        None => {
            *share = Some(pool.take(who.clone(), bytes)?);
            Ok(())
        }
    }
}
