//! JSONL exports in both forms, and SQLite files.

use super::*;
use crate::content::ErrorKind;

const NAME: &str = "beads-20260121-2000.jsonl";

async fn export(bytes: impl AsRef<[u8]>) -> Result<String, SourceError> {
    let folder = Folder::new();
    folder.write(NAME, bytes);
    let rendered = read_newest(&folder.open(), "issues.jsonl").await?;
    Ok(String::from_utf8(rendered).unwrap())
}

#[tokio::test]
async fn true_jsonl_passes_byte_for_byte() {
    for text in [
        "",
        "\n",
        "{}\n{}\n",
        "{\"id\": 1,  \"rows\":[]}\n{\"id\":2}",
        "{\"rows\":\"none\"}\r\n{\"a\":\"\\u0041é\"}\r\n",
        "[1]\n2\n\n\"x\"\n",
        // What programs write that is no JSONL, or not quite.
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
        assert_eq!(export(text).await.unwrap(), text);
    }
    let long: String = (0..40_000).map(|i| format!("{{\"id\":{i},\"text\":\"some text\"}}\n")).collect();
    assert_eq!(export(&long).await.unwrap(), long);
    let deep = format!("{}{}\n", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(export(&deep).await.unwrap(), deep);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_there_as_they_are() {
    let utf16: Vec<u8> = "\u{feff}{\"id\":1}\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [&b"{\"id\":\"\xff\"}\n"[..], &utf16] {
        let folder = Folder::new();
        folder.write(NAME, bytes);
        assert_eq!(read_newest(&folder.open(), "issues.jsonl").await.expect("it is there"), bytes);
    }
}

#[tokio::test]
async fn a_line_that_was_cut_is_named_and_its_bytes_are_beside_it() {
    for (text, place) in [
        ("{\"id\":1}\n{\"id\":2,\"ti", "line 2, column 11"),
        ("\u{feff}{\"id\":1,", "line 1, column 8"),
        ("<<<<<<< HEAD\n{\"id\":1}\n[", "line 3, column 1"),
    ] {
        let error = export(text).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Damaged, "{text:?}");
        let chain = error.chain();
        assert!(chain.contains(place) && chain.contains(NAME), "{text:?}: {chain}");
        assert!(error.hint.unwrap().contains("can be copied from /"));
        let folder = Folder::new();
        folder.write(NAME, text);
        let raw = read_newest(&folder.open(), "issues.json").await.expect("its bytes are there");
        assert_eq!(raw, text.as_bytes());
    }
}

#[tokio::test]
async fn every_cut_of_a_line_is_noticed() {
    let line = r#"{"id":"x","deps":[{"a":1},{"b":[true,null]}],"text":"é\n"}"#;
    for cut in 1..line.len() {
        let error = export(&line.as_bytes()[..cut]).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Damaged, "cut at {cut}");
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
        assert_eq!(export(document).await.unwrap(), expected, "{document}");
    }
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(export(format!("{{\"rows\":[{deep}], \"x\":{deep}}}")).await.unwrap(), deep + "\n");
    let rows: Vec<String> = (0..50_000).map(|i| format!("{{\"id\":\"{i}\"}}")).collect();
    let rendered = export(format!("{{\"rows\": [{}]}}\n", rows.join(","))).await.unwrap();
    assert_eq!(rendered, rows.join("\n") + "\n");
}

#[tokio::test]
async fn every_cut_of_a_document_is_noticed() {
    let document = r#"{"rows":[{"id":"x","deps":[{"a":1}]},{"id":"y"}]}"#;
    for cut in 1..document.len() {
        let error = export(&document.as_bytes()[..cut]).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Damaged, "cut at {cut}");
        assert!(error.chain().contains("line 1, column "), "{}", error.chain());
    }
    for bad in [r#"{"rows":[{}]} x"#, r#"{"rows":[{}],"rows":[{}]}"#, r#"{"rows":[{},]}"#] {
        assert_eq!(export(bad).await.unwrap_err().kind, ErrorKind::Damaged, "{bad}");
    }
}

#[tokio::test]
async fn an_export_that_is_being_written_says_so() {
    let folder = Folder::new();
    folder.write(NAME, "{\"id\":1}\n");
    let database = database(&folder.open()).await;
    let listed = files(&database, NAME).await.unwrap();
    folder.write(NAME, "{\"id\":1}\n{\"id\":2}\n");
    assert_eq!(read(&listed[0].content).await.unwrap_err().kind, ErrorKind::Changed);
}
