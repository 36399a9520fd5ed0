//! Records of denied attempts: which caller was denied which method, and why. Each server keeps
//! the newest ones in memory, and writes each to its log; none is written to the database, so that
//! a hostile client cannot make it grow.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, VecDeque},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{admission::who::Who, wire::status::cut};
use ndp_core::{
    caller::Person,
    query::schema::{Field, Queryable, Type, Values},
    time::Timestamp,
};

/// Most bytes of the denials that a server keeps.
pub const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Most bytes of those of one caller: a caller that is denied all the time displaces its own.
pub const CALLER_BYTES_MAX: usize = BYTES_MAX / 8;

/// Most bytes of a text in a denial. Longer ones are cut.
const TEXT_BYTES_MAX: usize = 512;

/// One denied attempt. It never has anything of the request's content but a resource name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The place in the order, newest first.
    key: String,
    /// When the attempt was denied.
    pub time: Timestamp,
    /// Resource name of the principal; empty if the caller was not identified.
    pub principal: String,
    /// The code of the person who acted through a system; empty for none.
    pub actor: String,
    /// The network address of a caller that was not identified, for IPv6 its /64 network.
    pub address: String,
    /// The method, as `ndp.registry.v1.PlanService/IssuePlan`.
    pub method: String,
    /// The resource that a write named; empty if it is not known.
    pub resource: String,
    /// The stable reason of the error.
    pub reason: String,
    /// The message of the error, in English.
    pub message: String,
}

/// The facts about an attempt at the time it is denied.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// When.
    pub time: Timestamp,
    /// The caller, as its share of the limits is counted.
    pub who: &'a Who,
    /// The identified caller.
    pub person: Option<&'a Person>,
    pub method: &'a str,
    /// The resource that a write named.
    pub resource: &'a str,
    /// The stable reason of the error.
    pub reason: &'a str,
    /// The message of the error.
    pub message: &'a str,
}

impl Denial {
    fn new(number: u64, attempt: &Attempt<'_>) -> Self {
        let person = attempt.person;
        let address = match (person, attempt.who) {
            (None, Who::Address(address)) => shown(*address),
            (Some(_), _) | (None, Who::Principal(_)) => String::new(),
        };
        Self {
            key: format!("{:016x}", u64::MAX - number),
            time: attempt.time,
            principal: person.map_or_else(String::new, |it| it.principal.to_string()),
            actor: person
                .and_then(|it| it.actor.as_deref())
                .unwrap_or_default()
                .to_owned(),
            address,
            method: cut(attempt.method, TEXT_BYTES_MAX),
            resource: cut(attempt.resource, TEXT_BYTES_MAX),
            reason: cut(attempt.reason, TEXT_BYTES_MAX),
            message: cut(attempt.message, TEXT_BYTES_MAX),
        }
    }

    /// The bytes that it is charged.
    fn bytes(&self) -> usize {
        let Self {
            key,
            time: _,
            principal,
            actor,
            address,
            method,
            resource,
            reason,
            message,
        } = self;
        let texts = [
            key, principal, actor, address, method, resource, reason, message,
        ];
        size_of::<Self>() + texts.iter().map(|text| text.len()).sum::<usize>()
    }
}

fn shown(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(network) => format!("{network}/64"),
    }
}

impl Queryable for Denial {
    const FIELDS: &'static [Field<Self>] = &[
        Field::new("deny_time", Type::Timestamp, |it: &Self| {
            Values::one(it.time)
        })
        .orderable(),
        Field::new(
            "principal",
            Type::Resource("principals/{principal}"),
            |it: &Self| Values::one(&it.principal),
        )
        .orderable(),
        Field::new("actor", Type::Text, |it: &Self| Values::one(&it.actor)),
        Field::new("address", Type::Text, |it: &Self| Values::one(&it.address)).orderable(),
        Field::new("method", Type::Text, |it: &Self| Values::one(&it.method)),
        Field::new("resource", Type::Resource(""), |it: &Self| {
            Values::one(&it.resource)
        }),
        Field::new("reason", Type::Text, |it: &Self| Values::one(&it.reason)),
    ];

    fn name(&self) -> Cow<'_, str> {
        (&*self.key).into()
    }
}

/// The denials of a server.
#[derive(Clone, Debug)]
pub struct Denials(Arc<Mutex<Kept>>);

/// The denials that are kept, by number in the order of their arrival.
#[derive(Debug)]
struct Kept {
    denials: BTreeMap<u64, (Who, Arc<Denial>)>,
    callers: HashMap<Who, Share>,
    bytes: usize,
    next: u64,
    /// All denials since this time are kept.
    since: Timestamp,
}

/// The denials of one caller.
#[derive(Debug, Default)]
struct Share {
    numbers: VecDeque<u64>,
    bytes: usize,
}

impl Denials {
    /// No denials yet, of a server that starts now.
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Kept {
            denials: BTreeMap::new(),
            callers: HashMap::new(),
            bytes: 0,
            next: 0,
            since: now,
        })))
    }

    /// Records a denied attempt, in the log and in memory. The oldest ones make room for it: those
    /// of the same caller, if it has its share, and else those of all.
    pub fn record(&self, attempt: &Attempt<'_>) {
        let denial = self.kept().add(attempt);
        let Denial {
            principal,
            actor,
            address,
            method,
            resource,
            reason,
            ..
        } = &*denial;
        tracing::info!(
            target: "ndp_registry::denials",
            principal,
            actor,
            address,
            method,
            resource,
            reason,
            "denied"
        );
    }

    /// The denials that are kept, newest first, and the time since which none is missing.
    pub fn newest(&self) -> (Vec<Arc<Denial>>, Timestamp) {
        let kept = self.kept();
        let denials = kept.denials.values().rev();
        let denials = denials.map(|(_, denial)| Arc::clone(denial)).collect();
        (denials, kept.since)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn add(&mut self, attempt: &Attempt<'_>) -> Arc<Denial> {
        let number = self.next;
        self.next += 1;
        let denial = Arc::new(Denial::new(number, attempt));
        let bytes = denial.bytes();
        while let Some(oldest) = self.oldest_of(attempt.who, bytes) {
            self.drop_one(oldest);
        }
        while self.bytes + bytes > BYTES_MAX
            && let Some((oldest, _)) = self.denials.first_key_value()
        {
            self.drop_one(*oldest);
        }
        self.bytes += bytes;
        let share = self.callers.entry(attempt.who.clone()).or_default();
        share.numbers.push_back(number);
        share.bytes += bytes;
        let row = (attempt.who.clone(), Arc::clone(&denial));
        self.denials.insert(number, row);
        denial
    }

    /// The oldest denial of a caller that has no room for this many bytes.
    fn oldest_of(&self, who: &Who, bytes: usize) -> Option<u64> {
        let share = self.callers.get(who)?;
        let is_full = share.bytes + bytes > CALLER_BYTES_MAX;
        share.numbers.front().copied().filter(|_| is_full)
    }

    /// Drops a denial that is the oldest of its caller.
    fn drop_one(&mut self, number: u64) {
        let Some((who, denial)) = self.denials.remove(&number) else {
            return;
        };
        let bytes = denial.bytes();
        self.bytes -= bytes;
        self.since = self.since.max(denial.time);
        let Some(share) = self.callers.get_mut(&who) else {
            return;
        };
        share.numbers.pop_front();
        share.bytes -= bytes;
        if share.numbers.is_empty() {
            self.callers.remove(&who);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(second: i64) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + second * 1_000_000).unwrap()
    }

    fn who(text: &str) -> Who {
        Who::at(text.parse().unwrap())
    }

    fn attempt(who: &Who, second: i64) -> Attempt<'_> {
        Attempt {
            time: moment(second),
            who,
            person: None,
            method: "ndp.registry.v1.PlanService/IssuePlan",
            resource: "platforms/p/plans/q",
            reason: "PERMISSION_DENIED",
            message: "no",
        }
    }

    fn is_whole(kept: &Kept) -> bool {
        let sum = |rows: &mut dyn Iterator<Item = &Arc<Denial>>| -> usize {
            rows.map(|it| it.bytes()).sum()
        };
        let all = sum(&mut kept.denials.values().map(|(_, it)| it));
        let shares: usize = kept.callers.values().map(|it| it.bytes).sum();
        let numbers: usize = kept.callers.values().map(|it| it.numbers.len()).sum();
        all == kept.bytes && shares == kept.bytes && numbers == kept.denials.len()
    }

    #[test]
    fn the_newest_come_first_and_nothing_is_missing_since_the_start() {
        let denials = Denials::new(moment(0));
        for second in 1..=3 {
            denials.record(&attempt(&who("192.0.2.1"), second));
        }
        let (newest, since) = denials.newest();
        let times: Vec<_> = newest.iter().map(|it| it.time).collect();
        assert_eq!(times, [moment(3), moment(2), moment(1)]);
        assert!(newest.is_sorted_by_key(|it| it.key.clone()));
        assert_eq!(since, moment(0));
        assert_eq!(newest[0].address, "192.0.2.1");
    }

    #[test]
    fn a_caller_displaces_its_own_denials_and_not_those_of_others() {
        let denials = Denials::new(moment(0));
        denials.record(&attempt(&who("192.0.2.1"), 1));
        let hostile = who("2001:db8::1");
        for second in 2..20_000 {
            denials.record(&attempt(&hostile, second));
        }
        let kept = denials.kept();
        assert!(is_whole(&kept));
        assert!(kept.callers[&hostile].bytes <= CALLER_BYTES_MAX);
        assert!(kept.bytes > CALLER_BYTES_MAX - 1024, "its share is used");
        drop(kept);
        let (newest, since) = denials.newest();
        assert_eq!(newest[0].address, "2001:db8::/64");
        assert_eq!(newest.last().unwrap().address, "192.0.2.1");
        assert!(moment(1) < since && since < newest[0].time);
    }

    #[test]
    fn denials_of_many_callers_stay_within_the_bound() {
        let denials = Denials::new(moment(0));
        let long = "x".repeat(10_000);
        for number in 0..20_000_u32 {
            let caller = Who::at(IpAddr::V4(number.into()));
            denials.record(&Attempt {
                message: &long,
                ..attempt(&caller, number.into())
            });
        }
        let kept = denials.kept();
        assert!(is_whole(&kept));
        assert!(kept.bytes <= BYTES_MAX);
        assert!(kept.denials.len() < 20_000);
        let (first, _) = kept.denials.first_key_value().unwrap();
        assert!(kept.since < kept.denials[first].1.time, "the last dropped");
    }
}
