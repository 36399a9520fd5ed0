//! Documents and sources: what every claim in the registry rests on.

use crate::{
    error::Violations,
    messages::Rule,
    records::{edit::parts, stored::stored, texts::texts, words::words},
    time::Date,
};

words! {
    /// The kind of document, by the word that heads it.
    pub enum DocumentKind = Unspecified {
        /// Not stated.
        Unspecified = 0 "KIND_UNSPECIFIED",
        /// Quyết định.
        Decision = 1 "DECISION",
        /// Kế hoạch.
        Plan = 2 "PLAN",
        /// Nghị quyết.
        Resolution = 3 "RESOLUTION",
        /// Chỉ thị.
        Directive = 4 "DIRECTIVE",
        /// Nghị định.
        Decree = 5 "DECREE",
        /// Thông tư.
        Circular = 6 "CIRCULAR",
        /// Công văn.
        OfficialLetter = 7 "OFFICIAL_LETTER",
        /// Báo cáo.
        Report = 8 "REPORT",
        /// Thông báo.
        Notice = 9 "NOTICE",
        /// Kết luận.
        Conclusion = 10 "CONCLUSION",
        /// Luật.
        Law = 11 "LAW",
        /// Any other kind.
        Other = 12 "OTHER",
    }
}

words! {
    /// How a document changes an earlier one.
    pub enum RelationKind {
        /// Sửa đổi, bổ sung.
        Amends = 1 "AMENDS",
        /// Thay thế.
        Replaces = 2 "REPLACES",
        /// Bãi bỏ.
        Repeals = 3 "REPEALS",
    }
}

stored! {
    /// One earlier document that a document amends, replaces or repeals.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Relation {
        /// What this document does to the other.
        pub kind: RelationKind,
        /// The other's symbol as printed.
        pub symbol: String,
        /// The other's issuer as printed.
        pub issuer: String,
        /// The other's day of issue.
        pub issue_date: Option<Date>,
    }
}

stored! {
    /// A published document (văn bản). Its symbol is kept as printed and never parsed.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Document {
        /// The kind of document.
        pub kind: DocumentKind,
        /// Symbol (số, ký hiệu) as printed.
        pub symbol: String,
        /// Title (trích yếu).
        pub title: String,
        /// Issuing body or office as printed.
        pub issuer: String,
        /// Name of the signatory as printed.
        pub signatory: String,
        /// Office in which the signatory signed.
        pub signatory_office: String,
        /// Day of issue.
        pub issue_date: Option<Date>,
        /// Day on which it takes effect.
        pub effective_date: Option<Date>,
        /// Where the text can be read.
        pub uri: String,
        /// SHA-256 of the file, 64 lower-case hexadecimal digits, or empty.
        pub sha256: String,
        /// Size of the file in bytes; 0 when not known.
        pub size_bytes: i64,
        /// Earlier documents that it changes.
        pub relations: Vec<Relation>,
    }
}

parts! {
    Document {
        kind: DocumentKind,
        symbol: String,
        title: String,
        issuer: String,
        signatory: String,
        signatory_office: String,
        issue_date: Option<Date>,
        effective_date: Option<Date>,
        uri: String,
        sha256: String,
        size_bytes: i64,
        relations: Vec<Relation>,
    }
}

/// How much of a document a claim needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Issuer, symbol and day of issue: enough to be found.
    Identity,
    /// That, and the digest of its file: enough to be proved.
    Digest,
}

impl Document {
    /// Adds a violation for each part that `needs` asks for and the document lacks.
    pub fn check(&self, needs: Needs, path: &str, violations: &mut Violations) {
        let mut require = |present: bool, field: &str, rule: Rule| {
            if !present {
                violations.add(format!("{path}.{field}"), rule);
            }
        };
        require(!self.issuer.is_empty(), "issuer", Rule::IssuerMissing);
        require(!self.symbol.is_empty(), "symbol", Rule::SymbolMissing);
        require(
            self.issue_date.is_some(),
            "issue_date",
            Rule::IssueDateMissing,
        );
        if needs == Needs::Digest {
            require(!self.sha256.is_empty(), "sha256", Rule::DigestMissing);
        }
    }

    /// Whether it can be checked: by symbol, day of issue and signatory, or as a file.
    pub fn is_substantiated(&self) -> bool {
        let named =
            !self.symbol.is_empty() && self.issue_date.is_some() && !self.signatory.is_empty();
        let kept = !self.uri.is_empty() && !self.sha256.is_empty() && self.size_bytes > 0;
        named || kept
    }
}

/// Checks the document that the entry at `path` names, if it names one.
pub(crate) fn check_named(document: Option<&Document>, path: &str, violations: &mut Violations) {
    if let Some(document) = document {
        document.check(Needs::Identity, &format!("{path}.document"), violations);
    }
}

stored! {
    /// A file, known by its digest wherever it is kept.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct File {
        /// Where it can be read.
        pub uri: String,
        /// SHA-256 of its bytes, 64 lower-case hexadecimal digits, or empty.
        pub sha256: String,
        /// Its size in bytes; 0 when not known.
        pub size_bytes: i64,
    }
}

stored! {
    /// What a claim rests on (minh chứng): a file, a document, or no more than a note.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Evidence {
        pub file: Option<File>,
        pub document: Option<Box<Document>>,
        /// What it shows.
        pub note: String,
    }
}

impl File {
    /// Whether anyone who gets hold of it can tell that it is the one meant.
    pub fn is_substantiated(&self) -> bool {
        !self.uri.is_empty() && !self.sha256.is_empty() && self.size_bytes > 0
    }
}

impl Evidence {
    /// Whether it can be checked: a file by address, digest and size; a document in the same way,
    /// or by symbol, day of issue and signatory. A note proves nothing.
    pub fn is_substantiated(&self) -> bool {
        let by_file = self.file.as_ref().is_some_and(File::is_substantiated);
        let by_document = || {
            self.document
                .as_ref()
                .is_some_and(|it| it.is_substantiated())
        };
        by_file || by_document()
    }
}

stored! {
    /// Where a statement was read.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Source {
        /// The page or file; empty when not online.
        pub uri: String,
        /// What it is and how far it can be trusted.
        pub note: String,
    }
}

texts! {
    Document {
        texts: symbol title issuer signatory signatory_office relations; uris: uri;
        none: kind issue_date effective_date sha256 size_bytes;
    }
    Relation { texts: symbol issuer; uris: ; none: kind issue_date; }
    File { texts: ; uris: uri; none: sha256 size_bytes; }
    Evidence { texts: file document note; uris: ; none: ; }
    Source { texts: note; uris: uri; none: ; }
}
