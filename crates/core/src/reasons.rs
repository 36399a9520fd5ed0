//! The closed set of reasons that errors carry, for machines: in `ErrorInfo`, in each violation of
//! a `BadRequest` and in each of a `PreconditionFailure`. A reason that is not here does not
//! compile. `docs/reference.md` lists them.

use std::fmt;

/// A stable reason of an error, as AIP-193 asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reason {
    name: &'static str,
    location: Location,
    meaning: &'static str,
}

/// The kind of error that a reason belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Location {
    /// In the violation of one field. The status is INVALID_ARGUMENT with INVALID_REQUEST, or,
    /// where the value would be in range at another time, OUT_OF_RANGE.
    Field,
    /// In the `ErrorInfo` of a status with this gRPC code.
    Code(&'static str),
}

impl Reason {
    /// Its name for machines, in `SCREAMING_SNAKE_CASE`.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The kind of error that it belongs to.
    pub const fn location(self) -> Location {
        self.location
    }

    /// When it is given, in one English sentence.
    pub const fn meaning(self) -> &'static str {
        self.meaning
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! reasons {
    ($($location:expr => { $($name:ident $meaning:literal;)+ })+) => {
        $($(
            #[doc = $meaning]
            pub const $name: Reason = Reason {
                name: stringify!($name),
                location: $location,
                meaning: $meaning,
            };
        )+)+

        /// Every reason, those of fields first, then by code.
        pub const ALL: &[Reason] = &[$($($name),+),+];
    };
}

reasons! {
    Location::Field => {
        AMBIGUOUS "A name may mean more than one record; a person has to say which.";
        ANSWER_TOO_LARGE "The answer would be larger than a message may be; ask for less.";
        BODY_MALFORMED "The JSON body cannot be read at the field named.";
        BODY_TOO_COMPLEX "The JSON body has too many values.";
        BODY_TOO_DEEP "The JSON body is nested too deeply.";
        BODY_UNEXPECTED "The method takes no body.";
        CELL_UNREADABLE "A cell of a file is not a value of its column.";
        CONDITION_UNSUPPORTED "The method does not know this conditional header.";
        CONTROL_CHARACTER "A text has a character that nobody can see.";
        ETAG_CONTRADICTED "`if-match` and the `etag` in the body differ.";
        FIELD_CONTRADICTED "Two fields exclude each other.";
        FIELD_REPEATED "A field comes twice in a JSON body.";
        FIELD_UNKNOWN "The message has no such field.";
        FILE_DIGEST "The file that arrived has another SHA-256 than the request says.";
        FILE_TOO_LARGE "The file is larger than this registry takes.";
        FILE_TYPE "The file is of a type that is not kept, or not of the type that was stated.";
        FILE_UNREADABLE "The file cannot be read as a whole.";
        FILTER_OPERATOR
            "The filter has an operator that AIP-160 lacks; the message says what to write.";
        FILTER_SYNTAX "The filter cannot be read.";
        FILTER_TOO_LONG "The filter has too many restrictions or is nested too deeply.";
        FILTER_TYPE "A value does not fit the field it is compared with.";
        FILTER_UNKNOWN_FIELD "The filter names a field that cannot be filtered by.";
        FILTER_UNSUPPORTED "The filter uses a part of AIP-160 that is not supported.";
        IMMUTABLE "The field cannot be changed once it is set.";
        LINE_BREAK "A text of one line has a line break or a tab.";
        LONE_MARK "A text begins with a combining mark.";
        MALFORMED "A header cannot be read.";
        NOT_ALLOWED "The value, or the field, is not allowed here.";
        NOT_A_URI "The value is not a URI, or not the address of a page.";
        NOT_A_UUID "The value is not a UUID.";
        NOT_UNIQUE "The value comes twice where it may come once.";
        ORDER_DUPLICATE "`order_by` names a field twice.";
        ORDER_SYNTAX "`order_by` cannot be read.";
        ORDER_TOO_LONG "`order_by` names too many fields.";
        ORDER_UNKNOWN_FIELD "`order_by` names a field that cannot be ordered by.";
        OUT_OF_RANGE "The value is outside its range.";
        PAGE_TOKEN_INVALID "The page token was not given out for this request.";
        PARAMETER_CONTRADICTED "Two query parameters exclude each other.";
        PARAMETER_MALFORMED "A query parameter or header has a value of the wrong type.";
        PARAMETER_NOT_TEXT "A query parameter names a message instead of a field of it.";
        PARAMETER_REPEATED "A query parameter comes twice.";
        PARAMETER_UNKNOWN "The method has no such query parameter.";
        PARTIAL_DATE "A date lacks its year, month or day.";
        PATH_CONTRADICTED "A field of the body differs from the URL path.";
        PATTERN "The value does not match its pattern.";
        PERSONAL_DATA "The text reads as personal data.";
        PREFIX "The value does not begin as it must.";
        QUERY_BLANK "The search has no word.";
        REFERENCE_NOT_FOUND "The field names a resource that does not exist.";
        REQUIRED "The field must be set.";
        TEXT_IS_MARK "The text overlaps the mark that stands where texts were redacted.";
        TEXT_REPEATED "The field has the text that is to be redacted.";
        TOO_FEW_ITEMS "The list is too short.";
        TOO_LONG "The text is too long.";
        TOO_MANY_ITEMS "The list is too long.";
        TOO_MANY_PARAMETERS "The URL has too many query parameters.";
        TOO_MANY_POINTS "The timeline would have too many dates.";
        TOO_SHORT "The text is too short.";
        UNKNOWN_PATH "`update_mask` names no field of the record.";
        UNKNOWN_VALUE "The value is not one that this release knows.";
    }
    Location::Code("INVALID_ARGUMENT") => {
        CODING_UNSUPPORTED "The body has a content coding other than gzip.";
        HOST_MALFORMED "An HTTP/1.1 request has no `host`, or several.";
        INVALID_REQUEST "Fields of the request break rules; `BadRequest` names each.";
        MEDIA_TYPE_UNSUPPORTED "The body is not JSON, or not a form where one is sent.";
        MESSAGE_MALFORMED "The request cannot be read as the message that the method takes.";
        MESSAGE_MISSING "The request has no message.";
        MESSAGE_TOO_COMPLEX "The request holds too many messages.";
        NOT_ACCEPTABLE "The client accepts none of the forms that the answer has.";
        REQUEST_ID_REUSED "The request id was used for another request.";
        URL_TOO_LONG "The query of the URL is too long.";
    }
    Location::Code("FAILED_PRECONDITION") => {
        ACTOR_NEEDED
            "A system asks for a step that needs two people, without naming who it acts for.";
        AGENCY_HISTORY_FULL "The agency has as many successions as its record holds.";
        AGENCY_SUCCEEDED "Another body took over the whole agency.";
        BOTH_ARE_LISTED
            "A duplicate and the platform it should be merged into are both listed in one edition.";
        CHANGE_TOO_LARGE "The records that one command changes would take too many bytes together.";
        COMPARISON_TOO_LONG "Two editions differ in more platforms than one answer can hold.";
        DATA_FLOW_IS_ANNULLED "The data flow was recorded in error.";
        DATA_FLOW_IS_CONFIRMED "The agency has confirmed the data flow already.";
        DATA_FLOW_IS_FULL "The data flow was confirmed as often as its record holds.";
        DATABASE_NOT_EMPTY "`restore` writes into an empty database only.";
        DEFINITIONS_DIFFER
            "Values that follow different definitions are compared only where that is asked for.";
        EDITION_NOT_HELD "The registry has no entries of this edition to compare.";
        FILE_NOT_MADE "`backup` cannot make its file.";
        INDICATOR_IS_FULL "The indicator has as many closed periods as a record holds.";
        GOVERNANCE_FULL "The platform has as many governing agencies as its record holds.";
        GOVERNED_SINCE "The agency governs the platform since a day that is not earlier.";
        FILE_REFUSED "The scanner of files refused the file.";
        KEY_IS_EXPIRED "The API key has expired already.";
        KEY_IS_REVOKED "The API key is revoked already.";
        LAST_ADMIN "The registry would be left without an administrator.";
        LAST_AGENCY_ADMIN "The agency would be left without an administrator.";
        LOG_DIVERGED
            "The position is not in the log: the database was restored, replaced or failed over.";
        LOG_NOT_EMPTY "Only an empty log can be seeded.";
        MILESTONE_IS_COMPLETED "The milestone is completed, so what it promised is fixed.";
        MILESTONE_IS_DROPPED "The milestone was given up.";
        MILESTONE_NOT_COMPLETED "Only a completed milestone can be reopened.";
        DEPLOYMENT_CONFIRMED "The deployment is confirmed as it stands.";
        NOT_TRANSCRIBED "The plan was not transcribed for its agency.";
        OBSERVATION_IS_REPLACED "Another value has taken the place of this one.";
        PERIOD_IS_CLOSED "The period of the indicator is closed already.";
        PERIOD_IS_OBSERVED "There is a value of this period on this basis already.";
        PERIOD_IS_REPORTED "There is a report on this period already.";
        PLAN_HAS_ENDED "The plan has ended.";
        PLAN_HISTORY_FULL "The plan has been through as many states as a record holds.";
        PLAN_IN_FORCE "Another plan of the platform is in force.";
        PLAN_IS_FROZEN "The plan is submitted.";
        PLAN_IS_FULL "The plan has as many records of this kind as it may have.";
        PLAN_IS_ISSUED "The field of an issued plan changes by RebaselinePlan only.";
        PLAN_NOT_ISSUED "The method needs an issued plan.";
        PLAN_STATE "The plan is not in a state from which this step leads.";
        PLATFORM_HAS_LIVE_PLANS "The platform has plans that have not ended.";
        PLATFORM_HAS_PLANS "The platform has plans, so it needs a governing agency.";
        PLATFORM_HISTORY_FULL "The platform came back as often as its record holds.";
        PLATFORM_IS_ACTIVE "The platform has not left the catalogue.";
        PLATFORM_NOT_ACTIVE "The platform has left the catalogue.";
        PLATFORM_WITHOUT_AGENCY "The platform has no governing agency.";
        PRINCIPAL_IS_DISABLED "The principal is disabled.";
        PROPOSAL_DECIDED "The proposal is decided already.";
        PROPOSAL_OUTDATED "A record has changed, so that the proposal shows what it would not do.";
        PROPOSAL_PENDING "A proposal on the same platform is pending.";
        RECOMMENDATION_IS_FULL "The recommendation has as many entries of a list as it may have.";
        RECOMMENDATION_STATE "The recommendation is not in a state that allows this.";
        RECORD_IS_WITHDRAWN "The record was withdrawn.";
        RECORD_TOO_LARGE "The record would take too many bytes.";
        REDACTION_OVERTAKEN "The resource was written while its history was read.";
        REDACTION_TOO_LARGE "More of the log has the text than one call redacts.";
        REPORT_IS_CORRECTED "Another report corrects this one already.";
        SECOND_PERSON_NEEDED "The person who asked for this cannot approve it.";
        SIGNING_KEY_MISSING "The server has no key to sign checkpoints with.";
        STORE_FORMAT_UNKNOWN "A newer release wrote the database.";
        SUCCESSOR_NOT_ACTIVE "The successor is not another platform in the catalogue.";
        TASK_FOLLOWS_MILESTONE "The completion of the task is read from a milestone.";
        TASK_HAS_CHILDREN "The task has tasks below it in the same programmes.";
        TASK_IS_FULL "The task has as many entries of this kind as a record holds.";
        TASK_STATE "The task is not in a state that the step needs.";
        TEXT_IN_IDENTIFIER "The text is also a part of a value that cannot be redacted.";
        TEXT_NOT_FOUND "The text is nowhere in the history of the resource.";
        TOO_MANY_TO_MOVE "The agency governs more platforms than one call moves.";
        TRANSCRIPTION_CONFIRMED "The agency has confirmed what was transcribed for it.";
    }
    Location::Code("NOT_FOUND") => {
        PATH_UNKNOWN "There is no method at this URL path.";
        RESOURCE_NOT_FOUND "There is no such resource, or the caller may not see it.";
        SERVICE_UNKNOWN "Health knows no such service.";
    }
    Location::Code("ALREADY_EXISTS") => {
        RESOURCE_ALREADY_EXISTS "The id is taken.";
    }
    Location::Code("ABORTED") => {
        ETAG_NOT_CURRENT "The record has changed since it was read.";
    }
    Location::Code("UNAUTHENTICATED") => {
        CERTIFICATE_AMBIGUOUS "The names in the client certificate are of different principals.";
        CERTIFICATE_EXPIRED "The client certificate has expired.";
        CREDENTIALS_INVALID "The credentials are not those of any principal.";
        CREDENTIALS_MISSING "The method needs credentials, and the call has none.";
        IDENTITY_REMOVED "The identity no longer belongs to the principal of the stream.";
        KEY_EXPIRED "The API key has expired.";
        KEY_FOR_FEEDS_ONLY "The API key opens feeds, and nothing else.";
        KEY_NOT_FOR_FEEDS "The API key does not open feeds.";
        KEY_REVOKED "The API key was revoked.";
        PRINCIPAL_DISABLED "The principal of the credentials is disabled.";
        PRINCIPAL_MOVED "The principal was moved to another agency while the call went on.";
        SESSION_INVALID "The sign-in of the browser is over, or not one of this server's.";
        SIGN_IN_INVALID "The sign-in of a browser cannot be completed; its page says why.";
        TOKEN_EXPIRED "The token has expired.";
        TOKEN_INVALID "The token is not one that this server accepts; the message says why.";
        TOKEN_NOT_YET_VALID "The token is not valid yet.";
    }
    Location::Code("PERMISSION_DENIED") => {
        CROSS_SITE_REQUEST "A page of another site had a signed-in browser send the request.";
        PERMISSION_DENIED "The caller may not do this; the message says who may.";
    }
    Location::Code("RESOURCE_EXHAUSTED") => {
        LIMIT_REACHED "A limit of the server was reached; `QuotaFailure` names it.";
        MESSAGE_TOO_LARGE "The request is larger than a message may be.";
        READER_STALLED "The client did not read from a stream for too long.";
        TOO_MANY_REQUESTS "A stream of requests has as many as it may.";
    }
    Location::Code("CANCELLED") => {
        BODY_INCOMPLETE "The request ended, or its time was over, before it was whole.";
    }
    Location::Code("DEADLINE_EXCEEDED") => {
        DEADLINE_EXCEEDED "The deadline of the call passed.";
    }
    Location::Code("UNIMPLEMENTED") => {
        COMPRESSION_UNSUPPORTED "A message is compressed by something other than gzip.";
        METHOD_UNKNOWN "There is no such method.";
        VERB_UNKNOWN "The URL path has no such HTTP method.";
    }
    Location::Code("UNAVAILABLE") => {
        CLOCK_BEHIND_LOG "The server's clock is behind the log, so nothing is recorded.";
        CLOCK_JUMPED "The server's clock has jumped, so nothing is recorded.";
        CREDENTIALS_NOT_CHECKED
            "The server lost its database and cannot tell whether credentials still hold.";
        FILES_UNAVAILABLE "The place where files are kept cannot be reached.";
        FILE_NOT_SCANNED "The scanner of files does not work, so no file is kept.";
        ISSUER_UNAVAILABLE "The issuer, or the keys of its tokens, cannot be reached.";
        LOG_REDACTED "Texts of messages that waited for a watcher were redacted.";
        NOT_ERASED "A text is redacted, and the database file may still have its bytes.";
        OUTCOME_UNKNOWN "The connection to the database was lost while the command was written.";
        REVISION_NOT_REACHED "This server has not followed the log so far yet.";
        SHUTTING_DOWN "The server is shutting down.";
        STORE_UNAVAILABLE "The database cannot be reached.";
    }
    Location::Code("INTERNAL") => {
        COMPRESSION_UNDECLARED "A message is marked as compressed without saying how.";
        INTERNAL "A defect in the server; report it with the incident id.";
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_has_a_name_of_its_own() {
        let names: BTreeSet<_> = ALL.iter().map(|it| it.name()).collect();
        assert_eq!(names.len(), ALL.len());
    }
}
