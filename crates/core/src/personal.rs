//! Personal data in texts: phone numbers, e-mail addresses and the numbers of citizens' identity
//! cards. People appear in the registry by office and by the name on a published document only.
//!
//! The rule, as the protos document it. Digits of any script count as ASCII digits.
//! - An e-mail address: something before and something after an `@`, or after a substitute for it
//!   such as `at`.
//! - A phone number: 10 digits from 0 or 11 from 01 or 02, in one or in groups; the same after +84,
//!   0084 or 84; 8 to 15 digits after a `+`; 7 to 11 digits after a word such as `SĐT`. Service
//!   numbers that start with 1800 and 1900 are not personal.
//! - A citizen's number: 9 or 12 digits in one; 3-3-3; 12 digits from 0 in groups; either in any
//!   grouping after a word such as `CCCD`.
//!
//! The following are not personal data: dates, numbers followed by `/` and letters
//! (2618/QĐ-BKHCN), parts of longer numbers, digests and UUIDs, paths of web addresses, and
//! amounts: a number that does not begin with 0 and has its unit beside it (123456789 đồng) or ends
//! with six zeros, and a taxpayer's number after `MST` or `mã số thuế`. Numbers spelled out in
//! words are not recognised.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

use crate::text::{is_blank, is_unseen};

/// A kind of personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A phone number.
    Phone,
    /// An e-mail address.
    Email,
    /// The number of a citizen's identity card.
    CitizenNumber,
}

impl Kind {
    /// In English.
    pub const fn english(self) -> &'static str {
        match self {
            Self::Phone => "a phone number",
            Self::Email => "an e-mail address",
            Self::CitizenNumber => "a citizen's identity number",
        }
    }

    /// In Vietnamese.
    pub const fn vietnamese(self) -> &'static str {
        match self {
            Self::Phone => "số điện thoại",
            Self::Email => "địa chỉ thư điện tử",
            Self::CitizenNumber => "số căn cước hoặc chứng minh nhân dân",
        }
    }
}

/// Personal data found in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// Where it begins, in characters from 1.
    pub position: usize,
}

/// The first personal data that a text holds.
pub fn find(text: &str) -> Option<Found> {
    if !may_hold(text) {
        return None;
    }
    let mut chars = folded(text);
    let email = email(&chars);
    let address = mask_web_addresses(&mut chars);
    mask_digests(&mut chars);
    mask_dates(&mut chars);
    let number = number(&chars);
    let found = [email, address, number].into_iter().flatten();
    found.min_by_key(|found| found.position)
}

/// The first personal data that a URI holds: its path may have any digits.
pub(crate) fn find_in_uri(uri: &str) -> Option<Found> {
    let chars = folded(uri);
    let email = email(&chars);
    let found = [email, personal_address(&chars)].into_iter().flatten();
    found.min_by_key(|found| found.position)
}

/// A cheap first check: whether the text has enough digits, or anything like an `@`.
fn may_hold(text: &str) -> bool {
    let mut numeric = 0;
    let mut previous = ' ';
    text.chars().any(|c| {
        numeric += u8::from(c.is_numeric() && numeric < u8::MAX);
        let at =
            matches!(c, '@' | '＠' | '﹫' | '%') || (previous == 'a' && matches!(c, 't' | ' '));
        previous = c.to_ascii_lowercase();
        at || numeric >= 6
    })
}

// === characters ===

/// A character in the form that is compared, with its position in the text, from 1.
#[derive(Clone, Copy)]
struct Char {
    c: char,
    position: usize,
}

/// Replaces each character of a part that was checked. It joins no parts.
const MASKED: char = '\u{1}';

/// The text in lower case without marks, with ASCII digits, spaces, dashes and dots.
fn folded(text: &str) -> Vec<Char> {
    let mut chars: Vec<Char> = Vec::with_capacity(text.len());
    for (index, original) in text.chars().enumerate() {
        let position = index + 1;
        if let ' '..='~' = original {
            let c = original.to_ascii_lowercase();
            chars.push(Char { c, position });
            continue;
        }
        if let Some(digit) = digit_of_script(original) {
            chars.push(Char { c: digit, position });
            continue;
        }
        // the order of marks does not matter, because they are left out
        decompose_compatible(original, |c| {
            let c = match c {
                ' '..='~' => c.to_ascii_lowercase(),
                _ if is_combining_mark(c) || is_unseen(c) => return,
                _ if is_blank(c) => ' ',
                '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' | '\u{30fb}' => '-',
                '\u{b7}' | '\u{2022}' | '\u{2027}' | '\u{3002}' | '\u{22c5}' => '.',
                '\u{2044}' | '\u{2215}' => '/',
                'đ' | 'Đ' | 'ð' | 'Ð' | 'ɖ' | 'Ɖ' => 'd',
                c => c,
            };
            chars.extend(c.to_lowercase().map(|c| Char { c, position }));
        });
    }
    digits_for_letters(&mut chars);
    let has_any = |of: &[char]| chars.iter().any(|it| of.contains(&it.c));
    if has_any(&['%', '(', '[', '{', ')', ']']) {
        for (written, c) in SUBSTITUTES {
            replace(&mut chars, written, c);
        }
    }
    chars
}

/// What is written in place of a character so that programs do not recognise an address. Each
/// contains one of `% ( [ { ) ]`. Those that remove a space come first.
const SUBSTITUTES: [(&str, char); 17] = [
    ("%40", '@'),
    ("( ", '('),
    ("[ ", '['),
    (" )", ')'),
    (" ]", ']'),
    ("(@)", '@'),
    ("[@]", '@'),
    ("(at)", '@'),
    ("[at]", '@'),
    ("{at}", '@'),
    ("(a cong)", '@'),
    ("[a cong]", '@'),
    ("(dot)", '.'),
    ("[dot]", '.'),
    ("{dot}", '.'),
    ("(cham)", '.'),
    ("[cham]", '.'),
];

/// The zero of each script whose digits have no compatibility form. The nine other digits follow
/// each zero.
const ZEROS: [u32; 60] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6,
    0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50,
    0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0x104a0,
    0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0,
    0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x11f50, 0x16a60, 0x16ac0, 0x16b50,
    0x1e140, 0x1e2f0, 0x1e4f0, 0x1e950,
];

fn digit_of_script(c: char) -> Option<char> {
    let code = u32::from(c);
    // they are in order: the last zero that is not after the character
    let at = ZEROS.partition_point(|zero| *zero <= code).checked_sub(1)?;
    char::from_digit(code - ZEROS.get(at)?, 10)
}

/// Replaces letters that look like digits, in words that have no other letters.
fn digits_for_letters(chars: &mut [Char]) {
    const fn digit(c: char) -> Option<char> {
        match c {
            'o' | 'о' | 'ο' => Some('0'),
            'l' | 'i' | 'ı' | '|' => Some('1'),
            '0'..='9' => Some(c),
            _ => None,
        }
    }
    for word in chars.split_mut(|it| !it.c.is_alphanumeric() && it.c != '|') {
        let digits = word.iter().filter(|it| it.c.is_ascii_digit()).count();
        if digits >= 6 && word.iter().all(|it| digit(it.c).is_some()) {
            for it in word {
                it.c = digit(it.c).unwrap_or(it.c);
            }
        }
    }
}

fn replace(chars: &mut Vec<Char>, written: &str, by: char) {
    let length = written.chars().count();
    let first = written.chars().next();
    let mut at = 0;
    while let Some(rest) = chars.get(at..)
        && let Some(found) = rest.iter().position(|it| Some(it.c) == first)
    {
        at += found;
        let Some(window) = chars.get(at..at + length) else {
            break;
        };
        if window.iter().map(|it| it.c).eq(written.chars()) {
            let position = window.first().map_or(0, |it| it.position);
            chars.splice(at..at + length, [Char { c: by, position }]);
        }
        at += 1;
    }
}

fn at(chars: &[Char], index: usize) -> Option<char> {
    chars.get(index).map(|it| it.c)
}

fn before(chars: &[Char], index: usize) -> Option<char> {
    at(chars, index.checked_sub(1)?)
}

// === e-mail addresses ===

fn email(chars: &[Char]) -> Option<Found> {
    let found = |index: usize| {
        let position = chars.get(index)?.position;
        let kind = Kind::Email;
        Some(Found { kind, position })
    };
    for (index, it) in chars.iter().enumerate() {
        match it.c {
            '@' => {
                if let Some(start) = mailbox(chars, index) {
                    return found(start);
                }
            }
            // `name at example dot vn`
            ' ' if is_word(chars, index + 1, "at")
                && before(chars, index).is_some_and(is_local) =>
            {
                let host = index + 4;
                let end = word_end(chars, host);
                if end > host && at(chars, end) == Some(' ') && is_word(chars, end + 1, "dot") {
                    return found(local_start(chars, index));
                }
            }
            _ => {}
        }
    }
    None
}

/// Where the address around an `@` begins.
fn mailbox(chars: &[Char], index: usize) -> Option<usize> {
    let touches = before(chars, index).is_some_and(is_local);
    let host_touches = at(chars, index + 1).is_some_and(|c| c.is_alphanumeric() || c == '[');
    if touches && host_touches {
        return Some(local_start(chars, index));
    }
    // `name @ example . vn`: only where a domain follows
    let mut local = index;
    while before(chars, local) == Some(' ') && index - local < 2 {
        local -= 1;
    }
    let mut host = index + 1;
    while at(chars, host) == Some(' ') && host - index < 3 {
        host += 1;
    }
    let host_end = word_end(chars, host);
    let mut dot = host_end;
    while at(chars, dot) == Some(' ') && dot - host_end < 2 {
        dot += 1;
    }
    let mut domain = dot + 1;
    while at(chars, domain) == Some(' ') && domain - dot < 3 {
        domain += 1;
    }
    let spaced = dot > host_end || domain > dot + 1;
    let ends = at(chars, domain).is_some_and(char::is_alphabetic)
        && (!spaced || word_end(chars, domain) - domain <= 6);
    let is_address = before(chars, local).is_some_and(is_local)
        && host_end > host
        && at(chars, dot) == Some('.')
        && ends;
    is_address.then(|| local_start(chars, local))
}

fn is_local(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(
            c,
            '.' | '_' | '-' | '+' | '%' | '"' | '\'' | '!' | '#' | '&'
        )
}

fn local_start(chars: &[Char], end: usize) -> usize {
    let mut start = end;
    while before(chars, start).is_some_and(is_local) {
        start -= 1;
    }
    start
}

fn word_end(chars: &[Char], start: usize) -> usize {
    let mut end = start;
    while at(chars, end).is_some_and(|c| c.is_alphanumeric() || c == '-') {
        end += 1;
    }
    end
}

/// Whether a word is here, and a space after it.
fn is_word(chars: &[Char], start: usize, word: &str) -> bool {
    let end = start + word.len();
    let there = chars.get(start..end);
    there.is_some_and(|there| there.iter().map(|it| it.c).eq(word.chars()))
        && at(chars, end) == Some(' ')
}

// === web addresses ===

/// Masks web addresses. Returns the first one that holds personal data.
fn mask_web_addresses(chars: &mut [Char]) -> Option<Found> {
    // every address that is looked for below has one of these
    let begins = |it: &[Char]| match it {
        [a, b, c] => matches!((a.c, b.c, c.c), (':', '/', '/') | ('w', 'w', 'w')),
        _ => false,
    };
    if !chars.windows(3).any(begins) {
        return None;
    }
    let mut found = None;
    for word in chars.split_mut(|it| matches!(it.c, ' ' | '"' | '<' | '>' | '“' | '”')) {
        let text: String = word.iter().map(|it| it.c).collect();
        let start = ["http://", "https://", "ftp://", "www."]
            .iter()
            .filter_map(|scheme| text.find(scheme))
            .min()
            .map(|bytes| text.get(..bytes).map_or(0, |head| head.chars().count()));
        let Some((_, address)) = start.and_then(|start| word.split_at_mut_checked(start)) else {
            continue;
        };
        found = found.or_else(|| personal_address(address));
        for it in address {
            it.c = MASKED;
        }
    }
    found
}

/// Finds personal data in a web address: a telephone number, a mailbox, or a number with a
/// parameter name such as `tel=`.
fn personal_address(chars: &[Char]) -> Option<Found> {
    const SCHEMES: [(&str, Kind); 7] = [
        ("tel:", Kind::Phone),
        ("sms:", Kind::Phone),
        ("smsto:", Kind::Phone),
        ("callto:", Kind::Phone),
        ("facetime:", Kind::Phone),
        ("whatsapp:", Kind::Phone),
        ("mailto:", Kind::Email),
    ];
    const PARTS: [(&str, Kind); 12] = [
        ("zalo.me/", Kind::Phone),
        ("wa.me/", Kind::Phone),
        ("t.me/+", Kind::Phone),
        ("phone=", Kind::Phone),
        ("mobile=", Kind::Phone),
        ("tel=", Kind::Phone),
        ("sdt=", Kind::Phone),
        ("dienthoai=", Kind::Phone),
        ("cccd=", Kind::CitizenNumber),
        ("cmnd=", Kind::CitizenNumber),
        ("tel:", Kind::Phone),
        ("sms:", Kind::Phone),
    ];
    let text: String = chars.iter().map(|it| it.c).collect();
    let position = chars.first()?.position;
    if let Some((_, kind)) = SCHEMES.iter().find(|(scheme, _)| text.starts_with(scheme)) {
        let kind = *kind;
        return Some(Found { kind, position });
    }
    PARTS.iter().find_map(|(part, kind)| {
        let (_, rest) = text.split_once(part)?;
        let rest = rest.chars().filter(|c| !matches!(c, '+' | '-' | '.' | ' '));
        let digits = rest.take_while(char::is_ascii_digit).count();
        let kind = *kind;
        (digits >= 9).then_some(Found { kind, position })
    })
}

/// Masks digests and UUIDs: 32 hexadecimal digits or more, letters among them.
fn mask_digests(chars: &mut [Char]) {
    for word in chars.split_mut(|it| !it.c.is_ascii_hexdigit() && it.c != '-') {
        let digits = word.iter().filter(|it| it.c != '-').count();
        let letters = word.iter().any(|it| it.c.is_ascii_alphabetic());
        if digits >= 32 && letters {
            for it in word {
                it.c = MASKED;
            }
        }
    }
}

// === numbers ===

/// Digits without anything between them.
struct Group {
    start: usize,
    end: usize,
    digits: String,
}

fn groups(chars: &[Char]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (index, it) in chars.iter().enumerate() {
        if !it.c.is_ascii_digit() {
            continue;
        }
        match groups.last_mut() {
            Some(group) if group.end == index => {
                group.end += 1;
                group.digits.push(it.c);
            }
            _ => groups.push(Group {
                start: index,
                end: index + 1,
                digits: it.c.into(),
            }),
        }
    }
    groups
}

/// Masks dates, by day or by year first.
fn mask_dates(chars: &mut [Char]) {
    let groups = groups(chars);
    for window in groups.windows(3) {
        let [first, second, third] = window else {
            continue;
        };
        let between = |a: &Group, b: &Group| (b.start == a.end + 1).then(|| at(chars, a.end))?;
        let separators = (between(first, second), between(second, third));
        let (Some(one @ ('/' | '.' | '-')), Some(other)) = separators else {
            continue;
        };
        let number = |group: &Group| group.digits.parse::<u32>().unwrap_or(u32::MAX);
        let year = |group: &Group| group.digits.len() == 4 && (1900..2200).contains(&number(group));
        let part =
            |group: &Group, most| group.digits.len() <= 2 && (1..=most).contains(&number(group));
        let by_day = part(first, 31) && part(second, 12) && year(third);
        let by_year = year(first) && part(second, 12) && part(third, 31);
        let (start, end) = (first.start, third.end);
        if one == other
            && (by_day || by_year)
            && let Some(date) = chars.get_mut(start..end)
        {
            for it in date {
                it.c = MASKED;
            }
        }
    }
}

/// Most groups that one number is written in: each digit by itself.
const GROUPS_MAX: usize = 13;

/// Fewest and most digits of a number that is looked for.
const DIGITS_MIN: usize = 7;
const DIGITS_MAX: usize = 15;

fn number(chars: &[Char]) -> Option<Found> {
    let groups = groups(chars);
    for start in 0..groups.len() {
        let mut digits = 0;
        for length in 1..=GROUPS_MAX {
            let Some(parts) = groups.get(start..start + length) else {
                break;
            };
            digits += parts.last().map_or(0, |part| part.digits.len());
            if digits < DIGITS_MIN {
                continue;
            }
            if digits > DIGITS_MAX {
                break;
            }
            let Some(number) = Number::read(chars, &groups, start, parts) else {
                break;
            };
            if let Some(kind) = number.kind() {
                let position = parts
                    .first()
                    .and_then(|part| chars.get(part.start))?
                    .position;
                return Some(Found { kind, position });
            }
        }
    }
    None
}

/// A number, and the text around it.
struct Number {
    digits: String,
    /// Digits in each group.
    lengths: Vec<usize>,
    /// What is between groups; none where that differs.
    separator: Option<char>,
    /// The word right before it.
    word: String,
    has_plus: bool,
    is_amount: bool,
    /// Whether it is a part of a longer number.
    is_part: bool,
    /// Whether it may be one, as groups continue after a space.
    may_be_part: bool,
    /// Whether letters and digits are mixed around it.
    is_code: bool,
    /// Whether letters are directly before it.
    is_lettered: bool,
}

impl Number {
    /// Reads the groups as one number. Returns `None` if they cannot form one. Adding groups does
    /// not help then.
    fn read(chars: &[Char], groups: &[Group], start: usize, parts: &[Group]) -> Option<Self> {
        let (first, last) = (parts.first()?, parts.last()?);
        let mut separators = Vec::new();
        for pair in parts.windows(2) {
            let [a, b] = pair else { continue };
            separators.push(separator(chars.get(a.end..b.start)?)?);
        }
        separators.retain(|it| *it != '(');
        let separator = match separators.split_first() {
            None => Some(' '),
            Some((first, rest)) => rest.iter().all(|it| it == first).then_some(*first),
        };
        let digits: String = parts.iter().map(|part| part.digits.as_str()).collect();
        // Another group of an amount or a decimal, which is not a separate number.
        let joint = |between: Option<&[Char]>, group: &Group| match between {
            Some([Char { c, .. }]) if group.digits.len() <= 3 => {
                let joins = matches!(c, '.' | ',') || (Some(*c) == separator && parts.len() > 1);
                joins.then_some(*c)
            }
            _ => None,
        };
        let previous = start.checked_sub(1).and_then(|index| groups.get(index));
        let previous = previous.and_then(|it| joint(chars.get(it.end..first.start), it));
        let next = groups.get(start + parts.len());
        let next = next.and_then(|it| joint(chars.get(last.end..it.start), it));
        let joints = [previous, next];
        let is_part = joints.iter().flatten().any(|c| *c != ' ') || is_symbol(chars, last.end);
        let may_be_part = joints.iter().any(Option::is_some);
        let (prefix, suffix) = (word_before(chars, first.start), unit_after(chars, last.end));
        let mixed = |word: &str| word.chars().any(|c| c.is_ascii_digit());
        let touching_after = at(chars, last.end).is_some_and(char::is_alphabetic);
        let is_code = mixed(&prefix.touching) || (touching_after && mixed(&suffix));
        let is_amount = !digits.starts_with('0')
            && prefix.touching.is_empty()
            && (UNITS.contains(&suffix.as_str())
                || CURRENCIES.contains(&prefix.word.as_str())
                || matches!(
                    before_spaces(chars, first.start),
                    Some('$' | '€' | '₫' | '£')
                )
                || matches!(at(chars, last.end), Some('%' | '₫' | '€' | '$'))
                || (digits.len() < 13 && digits.ends_with("000000")));
        Some(Self {
            lengths: parts.iter().map(|part| part.digits.len()).collect(),
            digits,
            separator,
            has_plus: before_spaces(chars, first.start) == Some('+'),
            word: prefix.word,
            is_amount,
            is_part,
            may_be_part,
            is_code,
            is_lettered: !prefix.touching.is_empty(),
        })
    }

    fn kind(&self) -> Option<Kind> {
        let named = self.named();
        if named.is_some() && !self.is_code {
            return named;
        }
        if self.is_part || self.is_code || self.is_amount {
            return None;
        }
        if self.is_phone() {
            return Some(Kind::Phone);
        }
        self.is_citizen_number().then_some(Kind::CitizenNumber)
    }

    /// The kind that the word before the number names.
    fn named(&self) -> Option<Kind> {
        let length = self.digits.len();
        let is_service = self.digits.starts_with("1800") || self.digits.starts_with("1900");
        if PHONE_WORDS.contains(&self.word.as_str()) {
            let phone =
                (7..=13).contains(&length) && !(is_service || self.is_amount || self.is_years());
            return phone.then_some(Kind::Phone);
        }
        let card = CARD_WORDS.contains(&self.word.as_str()) && matches!(length, 9 | 12);
        (card && !self.is_amount).then_some(Kind::CitizenNumber)
    }

    fn is_phone(&self) -> bool {
        let digits = self.digits.as_str();
        let length = digits.len();
        if self.has_plus && (8..=15).contains(&length) {
            return self.is_grouped();
        }
        let (country, rest) = match (digits.strip_prefix("0084"), digits.strip_prefix("84")) {
            (Some(rest), _) | (None, Some(rest)) => (true, rest),
            (None, None) => (false, digits),
        };
        if country {
            let rest = rest.strip_prefix('0').unwrap_or(rest);
            return is_subscriber(rest) && self.is_grouped();
        }
        let Some(rest) = digits.strip_prefix('0') else {
            return false;
        };
        if TAX_WORDS.contains(&self.word.as_str()) {
            return false;
        }
        if self.lengths.len() == 1 {
            // current prefixes, and the 11-digit ones that were used before
            return length == 10 || (length == 11 && rest.starts_with(['1', '2']));
        }
        let known = is_subscriber(rest) || (length == 10 && rest.starts_with('2'));
        known && self.is_grouped()
    }

    /// Whether each group is a year.
    fn is_years(&self) -> bool {
        let four = self.lengths.iter().all(|length| *length == 4);
        let starts = self.digits.as_bytes().chunks(4);
        four && starts
            .into_iter()
            .all(|year| matches!(year, [b'1', b'9', ..] | [b'2', b'0', ..]))
    }

    /// Whether the digits are grouped as in a telephone number.
    fn is_grouped(&self) -> bool {
        let single = self.lengths.iter().all(|length| *length == 1);
        let rest = self.lengths.get(1..).unwrap_or_default();
        let groups = rest.iter().all(|length| *length >= 2);
        // `+84 (0) 912…` has a group of one digit
        let zero = self.lengths.get(1) == Some(&1)
            && self.lengths.iter().skip(2).all(|length| *length >= 2);
        let even = self.separator.is_some() || self.lengths.first().is_some_and(|it| *it >= 3);
        single || (even || self.has_plus) && (groups || zero)
    }

    fn is_citizen_number(&self) -> bool {
        let of_card = self.digits.starts_with('0');
        match (self.digits.len(), self.lengths.as_slice()) {
            (9, [9]) => !self.is_lettered,
            (12, [12]) => of_card || !(self.is_lettered || is_time(&self.digits)),
            (9, [3, 3, 3]) => !self.may_be_part && matches!(self.separator, Some(' ' | '.' | '-')),
            (12, groups) => {
                let whole = groups.iter().all(|length| *length >= 2)
                    || groups == [3, 1, 2, 6]
                    || groups.iter().all(|length| *length == 1);
                of_card && whole && self.separator.is_some_and(|it| it != ',')
            }
            _ => false,
        }
    }
}

/// A number of nine digits of a mobile phone, or of ten of a landline, without the 0 before it.
fn is_subscriber(digits: &str) -> bool {
    let mobile = digits.len() == 9 && digits.starts_with(['3', '5', '7', '8', '9']);
    mobile || (digits.len() == 10 && digits.starts_with('2'))
}

/// A point in time without separators, `yyyymmddhhmm`.
fn is_time(digits: &str) -> bool {
    let part = |from: usize, to: usize| digits.get(from..to).and_then(|it| it.parse::<u32>().ok());
    let within =
        |from, to, first, last| part(from, to).is_some_and(|it| (first..=last).contains(&it));
    within(0, 4, 1900, 2199)
        && within(4, 6, 1, 12)
        && within(6, 8, 1, 31)
        && within(8, 10, 0, 23)
        && within(10, 12, 0, 59)
}

/// What joins two groups of digits; `(` where only brackets do.
fn separator(between: &[Char]) -> Option<char> {
    if between.len() > 3 {
        return None;
    }
    let mut separator = '(';
    for it in between {
        match it.c {
            '(' | ')' => {}
            ' ' if separator == '(' => separator = ' ',
            ' ' => {}
            '.' | '-' | ',' | '_' | '~' if matches!(separator, '(' | ' ') => separator = it.c,
            _ => return None,
        }
    }
    Some(separator)
}

/// Whether a document's symbol continues here: `/QĐ-BKHCN`, `/2024/NĐ-CP`.
fn is_symbol(chars: &[Char], end: usize) -> bool {
    let mut index = end;
    while at(chars, index) == Some('/') {
        index += 1;
        if at(chars, index).is_some_and(char::is_alphabetic) {
            return true;
        }
        let start = index;
        while at(chars, index).is_some_and(|c| c.is_ascii_digit()) && index - start < 4 {
            index += 1;
        }
    }
    false
}

/// The text before a number.
struct Prefix {
    /// Letters and digits that touch it.
    touching: String,
    /// The word before it.
    word: String,
}

fn word_before(chars: &[Char], start: usize) -> Prefix {
    let mut index = start;
    while before(chars, index).is_some_and(|c| c.is_alphanumeric() && c != MASKED) {
        index -= 1;
    }
    let text = |from: usize, to: usize| {
        let chars = chars.get(from..to).unwrap_or_default();
        chars.iter().map(|it| it.c).collect::<String>()
    };
    let touching = text(index, start);
    if !touching.is_empty() {
        let word = touching.clone();
        return Prefix { touching, word };
    }
    // the letters before it, and between them at the most a few signs
    let from = (0..=24)
        .map(|back| start.saturating_sub(back))
        .take_while(|from| at(chars, *from).is_none_or(|c| c != MASKED))
        .last()
        .unwrap_or(start);
    let text = text(from, start);
    let text = text.trim_end_matches(|c: char| !c.is_alphanumeric());
    let mut words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    while words.last().is_some_and(|word| FILLERS.contains(word)) {
        words.pop();
    }
    let last = words.pop().unwrap_or_default();
    let both = words.pop().map(|word| format!("{word} {last}"));
    let known = |word: &str| PHONE_WORDS.contains(&word) || CARD_WORDS.contains(&word);
    Prefix {
        touching,
        word: both
            .filter(|both| known(both))
            .unwrap_or_else(|| last.to_owned()),
    }
}

/// The word right after a number, and its decimals.
fn unit_after(chars: &[Char], end: usize) -> String {
    let mut index = end;
    if matches!(at(chars, index), Some('.' | ',')) {
        let decimals = index + 1;
        let mut after = decimals;
        while at(chars, after).is_some_and(|c| c.is_ascii_digit()) {
            after += 1;
        }
        if (1..=2).contains(&(after - decimals)) {
            index = after;
        }
    }
    while at(chars, index) == Some(' ') && index - end < 5 {
        index += 1;
    }
    let rest = chars.get(index..).unwrap_or_default().iter();
    rest.map(|it| it.c)
        .take_while(|c| c.is_alphanumeric())
        .collect()
}

fn before_spaces(chars: &[Char], start: usize) -> Option<char> {
    let mut index = start;
    while matches!(before(chars, index), Some(' ' | '(')) && start - index < 2 {
        index -= 1;
    }
    before(chars, index)
}

/// Words before a telephone number.
const PHONE_WORDS: [&str; 20] = [
    "sdt",
    "sdtdd",
    "dtdd",
    "dt",
    "dien thoai",
    "dienthoai",
    "di dong",
    "so may",
    "tel",
    "phone",
    "telephone",
    "mobile",
    "cell",
    "hotline",
    "zalo",
    "viber",
    "whatsapp",
    "telegram",
    "fax",
    "goi",
];

/// Words before a taxpayer's number. Such a number may start with 0.
const TAX_WORDS: [&str; 2] = ["mst", "thue"];

/// Words before a citizen's number.
const CARD_WORDS: [&str; 12] = [
    "cmnd",
    "cmtnd",
    "cmt",
    "cccd",
    "cancuoc",
    "can cuoc",
    "cuoc cong",
    "cong dan",
    "nhan dan",
    "chung minh",
    "dinh danh",
    "ca nhan",
];

/// Words between one of those and the number.
const FILLERS: [&str; 6] = ["so", "la", "no", "number", "nay", "ma"];

/// What an amount is counted in.
const UNITS: [&str; 37] = [
    "dong",
    "d",
    "vnd",
    "usd",
    "eur",
    "jpy",
    "cny",
    "nghin",
    "ngan",
    "trieu",
    "ty",
    "ti",
    "luot",
    "giao",
    "ho",
    "ban",
    "nguoi",
    "tai",
    "van",
    "dan",
    "cong",
    "yeu",
    "thue",
    "khach",
    "lan",
    "byte",
    "bytes",
    "kb",
    "mb",
    "gb",
    "users",
    "people",
    "records",
    "accounts",
    "requests",
    "transactions",
    "visits",
];

/// The text before an amount.
const CURRENCIES: [&str; 6] = ["vnd", "usd", "eur", "jpy", "cny", "gbp"];

#[cfg(test)]
mod tests;
