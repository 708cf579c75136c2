//! JSONL exports in both forms, and SQLite files.

use super::*;

const NAME: &str = "beads-20260121-2000.jsonl";

/// The database of one export.
async fn exported(bytes: impl AsRef<[u8]>) -> (Folder, Arc<dyn Database>) {
    let folder = Folder::new();
    folder.write(NAME, bytes);
    let database = database(&folder.open()).await;
    (folder, database)
}

async fn export(bytes: impl AsRef<[u8]>) -> String {
    let (_folder, database) = exported(bytes).await;
    text(&database, NAME, "issues.jsonl").await
}

/// The error of an export whose rows cannot be read. Its bytes can be read.
async fn broken(text: &[u8]) -> SourceError {
    let (_folder, database) = exported(text).await;
    assert_eq!(bytes(&database, NAME, "issues.json").await, text);
    failure(&database, NAME, "issues.jsonl").await
}

#[tokio::test]
async fn jsonl_and_almost_jsonl_are_shown_byte_for_byte() {
    for text in [
        "",
        "\n",
        "{}\n{}\n",
        "{\"id\": 1,  \"rows\":[]}\n{\"id\":2}",
        "{\"rows\":\"none\"}\r\n{\"a\":\"\\u0041é\"}\r\n",
        "[1]\n2\n\n\"x\"\n",
        // Not JSONL, or not quite, but programs write it.
        "\u{feff}{\"id\":1}\n",
        "{\"id\":1}\n<<<<<<< HEAD\n{\"id\":2}\n=======\n>>>>>>> theirs\n",
        "{\"id\":1,\"n\":NaN}\n{\"id\":2,\"n\":-Infinity}\n",
        "[\n {\"id\":\"a\"},\n {\"id\":\"b\"}\n]",
        "{\n \"id\": \"a\"\n}\n",
        "{\"id\":1}\nnot json\n",
        "{\"id\":1}{\"id\":2}\n",
        "{\"id\":\"a\"}\0\n",
        "\0\0\0\0",
    ] {
        assert_eq!(export(text).await, text);
    }
    let long: String = (0..40_000).map(|i| format!("{{\"id\":{i},\"text\":\"some text\"}}\n")).collect();
    assert_eq!(export(&long).await, long);
    let deep = format!("{}{}\n", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(export(&deep).await, deep);
}

#[tokio::test]
async fn exports_that_are_not_utf8_are_shown_byte_for_byte() {
    let utf16: Vec<u8> = "\u{feff}{\"id\":1}\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for stored in [&b"{\"id\":\"\xff\"}\n"[..], &utf16] {
        let (_folder, database) = exported(stored).await;
        assert_eq!(bytes(&database, NAME, "issues.jsonl").await, stored);
    }
}

#[tokio::test]
async fn a_cut_line_is_named_and_the_bytes_of_its_export_can_be_read() {
    for (text, place) in [
        ("{\"id\":1}\n{\"id\":2,\"ti", "line 2, column 11"),
        ("\u{feff}{\"id\":1,", "line 1, column 8"),
        ("<<<<<<< HEAD\n{\"id\":1}\n[", "line 3, column 1"),
    ] {
        let error = broken(text.as_bytes()).await;
        assert_says(&error, ErrorKind::Damaged, &[place, NAME]);
        assert_hints(&error, &["can be copied from /"]);
    }
}

#[tokio::test]
async fn every_cut_is_noticed() {
    for (whole, place) in [
        (r#"{"id":"x","deps":[{"a":1},{"b":[true,null]}],"text":"é\n"}"#, ""),
        (r#"{"rows":[{"id":"x","deps":[{"a":1}]},{"id":"y"}]}"#, "line 1, column "),
    ] {
        for cut in 1..whole.len() {
            assert_says(&broken(&whole.as_bytes()[..cut]).await, ErrorKind::Damaged, &[place]);
        }
    }
    for bad in [r#"{"rows":[{}]} x"#, r#"{"rows":[{}],"rows":[{}]}"#, r#"{"rows":[{},]}"#] {
        assert_says(&broken(bad.as_bytes()).await, ErrorKind::Damaged, &[]);
    }
}

#[tokio::test]
async fn a_rows_document_becomes_one_row_per_line() {
    for (document, expected) in [
        ("{}", ""),
        ("{}\n", ""),
        (r#"{"rows":[]}"#, ""),
        (" { \"rows\" : [ ] } \n", ""),
        (r#"{"rows": [{"id":"a","n":"1"},{"id":"b"}]}"#, "{\"id\":\"a\",\"n\":\"1\"}\n{\"id\":\"b\"}\n"),
        (r#"{"rows":[{"z":1, "a":2}], "warnings":[{"deep":[[]]}]}"#, "{\"z\":1,\"a\":2}\n"),
        (
            "{\"rows\":[{\n \"meta\" : { \"k\" : [ 1 , 2.50 , {} ] } ,\"t\":\"a b\"}]}",
            "{\"meta\":{\"k\":[1,2.50,{}]},\"t\":\"a b\"}\n",
        ),
        (
            r#"{"rows":[{"big":123456789012345678901234567890.10}]}"#,
            "{\"big\":123456789012345678901234567890.10}\n",
        ),
        (r#"{"rows":[{"t":"\u00e9\u0041\ud83d\ude00"}]}"#, "{\"t\":\"éA😀\"}\n"),
        (
            r#"{"rows":[{"t":"cut \ud83d\n", "u":"\ude00\ud83d\ud83d\ude00"}]}"#,
            "{\"t\":\"cut \\ud83d\\n\",\"u\":\"\\ude00\\ud83d😀\"}\n",
        ),
    ] {
        assert_eq!(export(document).await, expected, "{document}");
    }
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(export(format!("{{\"rows\":[{deep}], \"x\":{deep}}}")).await, deep + "\n");
    let rows: Vec<String> = (0..50_000).map(|i| format!("{{\"id\":\"{i}\"}}")).collect();
    let rendered = export(format!("{{\"rows\": [{}]}}\n", rows.join(","))).await;
    assert_eq!(rendered, rows.join("\n") + "\n");
}
