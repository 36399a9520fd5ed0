//! Masks over the made-up `Book` of `build/fixture.proto`.

use super::*;
use crate::{
    pb::google::r#type::Money,
    wire::fixture::{
        Book, Node, Part,
        book::{Kind, Price},
    },
};

fn book() -> Book {
    Book {
        name: "books/1".into(),
        title: "old".into(),
        isbn: "1".into(),
        etag: "e".into(),
        price: Some(Price {
            amount: Some(vnd(5)),
            year: 2025,
            computed: "by server".into(),
        }),
        pages: Some(7),
        kind: Some(Kind::Genre("poems".into())),
        ..Book::default()
    }
}

fn vnd(units: i64) -> Money {
    Money {
        currency_code: "VND".into(),
        units,
        nanos: 0,
    }
}

fn mask(paths: &[&str]) -> FieldMask {
    FieldMask {
        paths: paths.iter().map(ToString::to_string).collect(),
    }
}

fn resolved(paths: &[&str], message: &Book) -> Resolved {
    resolve(Some(&mask(paths)), message).expect("a good mask")
}

fn refused(paths: &[&str]) -> Vec<String> {
    let violations = resolve(Some(&mask(paths)), &book()).expect_err("a bad mask");
    for one in violations.iter() {
        assert_eq!(one.field, "update_mask");
        assert!(!one.vietnamese.is_empty());
    }
    violations
        .iter()
        .map(|one| format!("{}: {}", one.reason, one.english))
        .collect()
}

#[test]
fn no_mask_means_what_is_set() {
    let expected = Resolved {
        fields: vec!["title", "price", "pages", "genre"],
        paths: ["title", "price", "pages", "genre"]
            .map(String::from)
            .to_vec(),
        immutable: vec!["isbn".into()],
    };
    assert_eq!(resolve(None, &book()).expect("no mask"), expected);
    assert_eq!(resolved(&[], &book()), expected);
}

#[test]
fn a_star_means_every_field_a_caller_may_write() {
    let all = resolved(&["*"], &Book::default());
    assert_eq!(
        all.fields,
        [
            "title",
            "price",
            "parts",
            "labels",
            "pages",
            "genre",
            "series",
            "lent",
            "type",
            "bought_time",
            "tree"
        ]
    );
    assert_eq!(all.immutable, Vec::<String>::new());
    assert_eq!(resolved(&["*"], &book()).immutable, ["isbn"]);
}

#[test]
fn paths_are_reduced_and_ordered() {
    let paths = [
        "title",
        "price.amount.units",
        "name",
        "etag",
        "price.amount",
        "title",
        "isbn",
    ];
    assert_eq!(
        resolved(&paths, &book()),
        Resolved {
            fields: vec!["title", "price"],
            paths: vec!["title".into(), "price.amount".into()],
            immutable: vec!["isbn".into()],
        }
    );
    // Dropped, and not taken for a mask that was left empty.
    assert_eq!(
        resolved(&["etag", "price.computed"], &book()),
        Resolved::default()
    );
}

#[test]
fn unknown_paths_are_told_all_at_once() {
    assert_eq!(
        refused(&[
            "x",
            "title.x",
            "price.yaer",
            "parts.title",
            "labels.a",
            "boughtTime"
        ]),
        [
            "UNKNOWN_PATH: has the unknown path `x`; the fields are `title`, `isbn`, `price`, \
             `parts`, `labels`, `pages`, `genre`, `series`, `lent`, `type`, `bought_time`, `tree`",
            "UNKNOWN_PATH: has the path `title.x` inside `title`, which is only replaced whole; \
             send `title`",
            "UNKNOWN_PATH: has the path `labels.a` inside `labels`, which is only replaced whole; \
             send `labels`",
            "UNKNOWN_PATH: has the unknown path `price.yaer` (did you mean `price.year`?); the \
             fields are `amount`, `year`",
            "UNKNOWN_PATH: has the unknown path `boughtTime` (did you mean `bought_time`?); the \
             fields are `title`, `isbn`, `price`, `parts`, `labels`, `pages`, `genre`, `series`, \
             `lent`, `type`, `bought_time`, `tree`",
            "UNKNOWN_PATH: has the path `parts.title` inside `parts`, which is only replaced \
             whole; send `parts`",
        ]
    );
    for (path, part) in [
        ("book.title", "did you mean `title`?"),
        ("Title", "did you mean `title`?"),
        ("PRICE.year", "did you mean `price`?"),
        ("price.Year", "did you mean `price.year`?"),
        ("parts[0].title", "did you mean `title`?"),
        ("title,price", "each path as an element of its own"),
        ("tree.child.title.x", "send `tree.child.title`"),
    ] {
        let told = refused(&[path]).join("");
        assert!(told.contains(part), "{path}: {told}");
    }
    assert_eq!(
        refused(&["*", "title"]),
        ["UNKNOWN_PATH: has `*` beside other paths; send `*` alone or leave it out"]
    );
    for path in ["", ".", "title.", ".title", "price..year"] {
        assert_eq!(refused(&[path]).len(), 1, "{path:?}");
    }
    let deep = vec!["child"; 100_000].join(".");
    assert_eq!(refused(&[&format!("tree.{deep}")]).len(), 1);
}

#[test]
fn masks_are_bounded() {
    let paths = vec!["title"; 101];
    assert_eq!(
        refused(&paths),
        [
            "TOO_MANY_ITEMS: must have at most 100 paths, but has 101; name whole messages or \
             send `*`"
        ]
    );
}

fn updated(paths: &[&str], update: &Book) -> Book {
    let mut current = book();
    resolved(paths, update).apply(&mut current, update);
    current
}

#[test]
fn a_path_is_copied_and_nothing_else() {
    let update = Book {
        title: "new".into(),
        price: Some(Price {
            amount: Some(vnd(9)),
            year: 1,
            computed: "by caller".into(),
        }),
        ..Book::default()
    };
    assert_eq!(
        updated(&["title"], &update),
        Book {
            title: "new".into(),
            ..book()
        }
    );
    let price = |units, year| {
        Some(Price {
            amount: Some(vnd(units)),
            year,
            computed: "by server".into(),
        })
    };
    let expected = Book {
        price: price(9, 2025),
        ..book()
    };
    assert_eq!(updated(&["price.amount.units"], &update), expected);
    // A whole message keeps what only the server writes.
    assert_eq!(
        updated(&["price"], &update),
        Book {
            price: price(9, 1),
            ..book()
        }
    );
}

#[test]
fn what_is_absent_is_cleared() {
    let none = Book::default();
    assert_eq!(
        updated(&["price", "pages"], &none),
        Book {
            price: None,
            pages: None,
            ..book()
        }
    );
    let price = book().price.map(|price| Price { year: 0, ..price });
    assert_eq!(updated(&["price.year"], &none), Book { price, ..book() });
    // Clearing below a message that is not there does not make one.
    let mut current = Book::default();
    current.copy_path(&none, "price.year");
    assert_eq!(current, Book::default());
}

#[test]
fn messages_on_the_way_are_created() {
    let node = |title: &str, child| {
        Some(Box::new(Node {
            title: title.into(),
            child,
        }))
    };
    let update = Book {
        tree: node("a", node("b", None)).map(|n| *n),
        ..Book::default()
    };
    let expected = node("", node("b", None)).map(|n| *n);
    assert_eq!(
        updated(&["tree.child.title"], &update),
        Book {
            tree: expected,
            ..book()
        }
    );
}

#[test]
fn one_member_of_a_oneof_takes_the_place_of_another() {
    let series = |title: &str| {
        Some(Kind::Series(Part {
            title: title.into(),
        }))
    };
    let update = Book {
        kind: series("s"),
        ..Book::default()
    };
    assert_eq!(
        updated(&["series"], &update),
        Book {
            kind: series("s"),
            ..book()
        }
    );
    assert_eq!(
        updated(&["series.title"], &update),
        Book {
            kind: series("s"),
            ..book()
        }
    );
    // Clearing a member that is not set leaves the one that is.
    assert_eq!(updated(&["series"], &Book::default()), book());
    assert_eq!(
        updated(&["genre"], &Book::default()),
        Book {
            kind: None,
            ..book()
        }
    );
    // Both named: the member set in the update stands, whichever is copied last.
    assert_eq!(updated(&["*"], &update).kind, series("s"));
    let update = Book {
        kind: Some(Kind::Genre("g".into())),
        ..Book::default()
    };
    let mut current = Book {
        kind: series("s"),
        ..book()
    };
    resolved(&["series", "genre"], &update).apply(&mut current, &update);
    assert_eq!(current.kind, Some(Kind::Genre("g".into())));
}

#[test]
fn an_immutable_field_may_be_named_with_the_value_it_has() {
    let resolved = resolved(&["isbn"], &book());
    assert!(resolved.fields.is_empty() && resolved.paths.is_empty());
    assert_eq!(resolved.check_immutable(&book(), &book(), "book"), Ok(()));
    let other = Book {
        isbn: "2".into(),
        ..book()
    };
    let violations = resolved
        .check_immutable(&book(), &other, "book")
        .expect_err("a change");
    let told: Vec<_> = violations
        .iter()
        .map(|one| (one.field.as_str(), one.reason))
        .collect();
    assert_eq!(told, [("book.isbn", "IMMUTABLE")]);
}

#[test]
fn violations_of_fields_left_alone_do_not_matter() {
    let mut violations = Violations::new();
    for field in [
        "request_id",
        "book",
        "book.name",
        "book.etag",
        "book.title",
        "book.price",
        "book.price.year",
        "book.price.amount.nanos",
        "book.parts[1].title",
    ] {
        violations.add(field, "REQUIRED", "x", "x");
    }
    let kept = |paths: &[&str]| {
        let relevant = resolved(paths, &book()).relevant(violations.clone(), "book");
        relevant
            .iter()
            .map(|one| one.field.clone())
            .collect::<Vec<_>>()
    };
    let always = ["request_id", "book", "book.name", "book.etag"];
    assert_eq!(kept(&["pages"]), always);
    assert_eq!(
        kept(&["price.amount"])[4..],
        ["book.price", "book.price.amount.nanos"]
    );
    assert_eq!(
        kept(&["parts", "title"])[4..],
        ["book.title", "book.parts[1].title"]
    );
}
