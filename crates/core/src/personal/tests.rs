//! What reads as personal data and what does not, case by case.

use proptest::prelude::*;

use super::*;

const PHONES: &[&str] = &[
    "0912345678",
    "0123456789",
    "Gọi 0912 345 678 nhé",
    "0912.345.678",
    "0912-345-678",
    "0912 - 345 - 678",
    "091 234 5678",
    "(091) 234 5678",
    "09 12 34 56 78",
    "0 9 1 2 3 4 5 6 7 8",
    "09.12.34.56.78",
    "+84912345678",
    "+84 912 345 678",
    "+84 (0)91 234 5678",
    "(+84) 91-234-5678",
    "0084912345678",
    "84912345678",
    "84 912 345 678",
    "84.912.345.678",
    "024 3943 5000",
    "(024) 3943 5000",
    "024-3943 5000",
    "02439435000",
    "0283.822.4000",
    "+84 24 3943 5000",
    "842439435000 là số tổng đài",
    "01632345678",
    "+1 202 555 0143",
    "+66812345678",
    "SĐT: 39435000",
    "ĐT0912345678",
    "Điện thoại số 3943.5000",
    "di động: 912345678",
    "hotline 0912345678/0987654321",
    "zalo 0912345678",
    "0912345678,0987654321",
    "０９１２３４５６７８",
    "٠٩١٢٣٤٥٦٧٨",
    "०९१२३४५६७८",
    "𝟎𝟗𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖",
    "⁰⁹¹²³⁴⁵⁶⁷⁸",
    "0️⃣9️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣8️⃣",
    "O912345678",
    "09l2345678",
    "0912\u{a0}345\u{a0}678",
    "0912–345–678",
    "0912·345·678",
    "0912\n345\n678",
    "năm 2025 0912345678",
    "số 5/2025 ngày 01/02/2025, 0912 345 678",
    "https://zalo.me/0912345678",
    "https://example.vn/?phone=0912345678",
    "tel:0912345678",
    "7 cơ quan, gọi 0987654321.",
];

const EMAILS: &[&str] = &[
    "a@b.vn",
    "Thư: nguyen.van.a@example.gov.vn.",
    "nguyen_van+a@mst.example.vn",
    "\"a b\"@example.vn",
    "A@EXAMPLE.VN",
    "a＠example.vn",
    "ａ＠ｅｘａｍｐｌｅ．ｖｎ",
    "tên@miền.vn",
    "root@localhost",
    "a@[192.0.2.1]",
    "a @ example.vn",
    "a @ example . vn",
    "a(at)example.vn",
    "a [at] example [dot] vn",
    "a at example dot vn",
    "a (a còng) example.vn",
    "nguyenvana(@)example.vn",
    "nguyenvana [ at ] example [ dot ] vn",
    "mailto:a@example.vn",
    "https://example.vn/?u=a%40example.vn",
    "<a@example.vn>",
];

const CITIZENS: &[&str] = &[
    "001099012345",
    "CCCD 001099012345",
    "CCCD001099012345",
    "001 099 012 345",
    "001.099.012.345",
    "001-099-012-345",
    "0010 9901 2345",
    "001 0 99 012345",
    "0 0 1 0 9 9 0 1 2 3 4 5",
    "012345678",
    "CMND số 123456789",
    "123456789",
    "123 456 789",
    "123.456.789",
    "123-456-789",
    "123456789012",
    "căn cước: 12 3456 789",
    "định danh 0010990 12345",
    "１２３４５６７８９",
    "０01099012345",
    "٠٠١٠٩٩٠١٢٣٤٥",
    "OOlO99Ol2345",
];

const HARMLESS: &[&str] = &[
    "",
    "2618/QĐ-BKHCN",
    "Quyết định 1132/QĐ-TTg ngày 24/6/2026",
    "Nghị định 41/2024/NĐ-CP, Luật số 60/2024/QH15",
    "123456789/QĐ-BKHCN",
    "ngày 11.09.2025",
    "từ 01/09/2025 đến 31/12/2025",
    "01.09.2025-31.12.2025",
    "01/09/2025 - 31/12/2025",
    "01-09-2025 31-12-2025",
    "2025-09-11 2025-12-31",
    "09.2024 - 12.2025",
    "05-2025 06-2025",
    "các năm 2024 2025 2026",
    "2025-09-11T08:30:00Z",
    "202509110830",
    "20250911083059",
    "1.234.567.890 đồng",
    "1 234 567 890 đồng",
    "1.234.567.890",
    "123456789 đồng",
    "123.456.789 đồng",
    "123,456,789 người",
    "123.456.789,5 đồng",
    "VND 123.456.789",
    "$123456789",
    "123456789đ",
    "123456789₫",
    "120.000.000 hồ sơ",
    "450 000 000",
    "+12.345.678 lượt",
    "84.912.345.678 đồng",
    "84 nền tảng, 21 kế hoạch",
    "tăng 12,5% so với 2024; đạt 98.76%",
    "tọa độ 21.028511, 105.804817",
    "0.123456789",
    "192.168.100.200",
    "1900 1234",
    "hotline 18001234",
    "https://example.vn/tin-tuc/20250911123456789.html",
    "https://example.vn/a/0912345678",
    "https://medium.com/@user/2430037",
    "www.example.vn/001099012345",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "123e4567-e89b-12d3-a456-426614174000",
    "ISBN 978-604-123-456-7",
    "mã 000.00.00.H01",
    "HS123456789",
    "abc123456789def",
    "100 000 000 000 đồng",
    "Mã số thuế 0100109106",
    "Giai đoạn 2021-2025-2030",
    "ĐT 2025 2026",
    "GMT+07:00",
    "mục 1 2 3 4 5 6 7 8",
    "Nhóm A công bố. Xem Phụ lục I",
    "@vneid trên mạng xã hội",
    "look at this, dot by dot",
    "Bộ Khoa học và Công nghệ",
];

#[test]
fn what_is_personal_is_found() {
    for (texts, kind) in [
        (PHONES, Kind::Phone),
        (EMAILS, Kind::Email),
        (CITIZENS, Kind::CitizenNumber),
    ] {
        for text in texts {
            for text in [(*text).to_owned(), format!("Đầu mối: {text} (chính)")] {
                let found = find(&text).map(|found| found.kind);
                assert_eq!(found, Some(kind), "{text:?}");
            }
        }
    }
}

#[test]
fn what_is_not_passes() {
    for text in HARMLESS {
        assert_eq!(find(text), None, "{text:?}");
        let text = format!("Ghi chú: {text}; hết.");
        assert_eq!(find(&text), None, "{text:?}");
    }
}

#[test]
fn the_place_is_counted_in_characters() {
    let position = |text| find(text).unwrap().position;
    assert_eq!(position("0912345678"), 1);
    assert_eq!(position("Số ừ: 0912 345 678"), 7);
    assert_eq!(position("ﬁ: a@b.vn"), 4);
    assert_eq!(position("a@b.vn 0912345678"), 1);
}

#[test]
fn a_uri_may_have_any_digits() {
    for uri in [
        "https://example.vn/0912345678",
        "urn:isbn:9786041234567",
        "https://a.vn/@b",
    ] {
        assert_eq!(find_in_uri(uri), None, "{uri}");
    }
    for uri in [
        "tel:+84912345678",
        "mailto:a@b.vn",
        "https://a@b.vn/",
        "https://wa.me/84912345678",
    ] {
        assert!(find_in_uri(uri).is_some(), "{uri}");
    }
}

proptest! {
    #[test]
    fn nothing_panics(text in "\\PC{0,80}", digits in "[0-9 .,()+/@-]{0,60}") {
        let _ = (find(&text), find(&digits), find_in_uri(&text), find_in_uri(&digits));
    }

    #[test]
    fn a_mobile_number_is_found_however_it_is_grouped(
        rest in "[35789][0-9]{8}",
        cuts in proptest::collection::vec(2..8_usize, 0..3),
        separator in prop::sample::select(vec![" ", ".", "-", " - ", "\u{a0}"]),
        words in "[a-z ]{0,20}",
    ) {
        let digits = format!("0{rest}");
        let mut text = String::new();
        for (index, digit) in digits.chars().enumerate() {
            let alone = |cut: &usize| *cut == index && cuts.iter().all(|other| {
                other == cut || other.abs_diff(*cut) >= 2
            });
            if cuts.iter().any(alone) {
                text.push_str(separator);
            }
            text.push(digit);
        }
        let text = format!("{words} số {text} ạ");
        prop_assert_eq!(find(&text).map(|it| it.kind), Some(Kind::Phone), "{}", text);
    }

    #[test]
    fn an_amount_with_its_unit_passes(
        amount in 1..1_000_000_000_000_u64,
        unit in prop::sample::select(vec!["đồng", "VND", "VNĐ", "triệu đồng", "hồ sơ", "lượt"]),
        grouped in any::<bool>(),
    ) {
        let mut text = amount.to_string();
        if grouped {
            let mut at = text.len();
            while at > 3 {
                at -= 3;
                text.insert(at, '.');
            }
        }
        let text = format!("{text} {unit}");
        prop_assert_eq!(find(&text), None, "{}", text);
    }
}
