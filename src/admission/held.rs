//! What one call holds of all that callers share, from its first byte to the last of its answer.

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
use crate::domain::error::Error;

/// Bytes of a request body that count as one more call: what reading them costs is of that order.
const BYTES_PER_CALL: usize = 16 * 1024;

/// Values of a JSON body that count as one more call.
const VALUES_PER_CALL: usize = 100;

/// What a call holds; given back when the last clone of its `Arc` is dropped.
pub struct Held {
    admission: Arc<Admission>,
    connection: Arc<Connection>,
    shares: Mutex<Shares>,
}

/// What admission said of a request; travels in its extensions.
#[derive(Clone, Debug)]
pub struct Entry(pub Result<Arc<Held>, Error>);

/// The shares of its pools, while it has them.
struct Shares {
    who: Who,
    place: Option<Share>,
    request: Option<Share>,
    answer: Option<Share>,
    /// Bytes received since the last that was counted as a call.
    uncounted: usize,
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
                given_up: false,
            }),
        })
    }

    /// The connection that it came on.
    pub const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Who pays.
    pub fn who(&self) -> Who {
        self.shares().who.clone()
    }

    /// The caller presented a valid credential: from now on its principal pays.
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

    /// The call stays open for as long as its client likes: it takes a place among the watches
    /// instead of one among the calls that are answered.
    pub fn stay_open(&self) -> Result<(), Error> {
        let mut shares = self.shares();
        let place = self.admission.watchers.take(shares.who.clone(), 1)?;
        shares.place = Some(place);
        Ok(())
    }

    /// So many more bytes of the request are there.
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

    /// The request's body has so many values, which are about to be read.
    pub fn read_values(&self, values: usize) -> Result<(), Error> {
        let who = self.who();
        self.admission
            .rates
            .check_many(&who, values / VALUES_PER_CALL)
    }

    /// So many bytes of the answer wait to be sent.
    pub fn answer(&self, bytes: usize) -> Result<(), Error> {
        let shares = &mut *self.shares();
        take(
            &self.admission.answer_bytes,
            &mut shares.answer,
            &shares.who,
            bytes,
        )
    }

    /// So many of them were sent, or will not be.
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

    /// Gives everything back before its time: the client does not read on.
    pub fn give_up(&self) {
        let mut shares = self.shares();
        shares.given_up = true;
        (shares.place, shares.request, shares.answer) = (None, None, None);
    }

    fn shares(&self) -> MutexGuard<'_, Shares> {
        // nothing in here panics half way
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.connection.end_call();
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
