//! The tests in `contract/README.md`, word for word. That in Rust is a documentation test of the crate.

use std::{fs, process::Command};

use super::{PYTHON, README};
use crate::support::setup;

/// The code of the page in this language.
fn snippet(language: &str) -> String {
    let text = fs::read_to_string(README).unwrap();
    let blocks: Vec<_> = text.split(&format!("```{language}\n")).skip(1).collect();
    let [block] = blocks[..] else { panic!("{README} has {} blocks in {language}", blocks.len()) };
    block.split("```").next().unwrap().to_owned()
}

/// A function as the page describes it, and one that reports one message only.
const HANDLERS: [(&str, bool); 2] = [
    (
        "def handler(batch, context):\n    \
             groups = [record['attributes']['MessageGroupId'] for record in batch['Records']]\n    \
             failed = [r for r, group in zip(batch['Records'], groups) if group == 'duffel/ord_1']\n    \
             return {'batchItemFailures': [{'itemIdentifier': r['messageId']} for r in failed]}\n",
        true,
    ),
    (
        "def handler(batch, context):\n    \
             return {'batchItemFailures': [{'itemIdentifier': batch['Records'][0]['messageId']}]}\n",
        false,
    ),
];

#[test]
fn the_python_test_accepts_a_right_function_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("test_function.py");
    for (handler, is_right) in HANDLERS {
        fs::write(&file, format!("{}\n\n{handler}", snippet("python"))).unwrap();
        let mut pytest = Command::new(setup::python("contract", &PYTHON));
        let options = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir"];
        let output = pytest.args(options).args([folder.path(), &file]).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(i32::from(!is_right)), "{printed}");
    }
}

#[test]
fn the_node_test_accepts_a_right_function_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("function.test.mjs");
    fs::write(&file, snippet("js")).unwrap();
    let decode = r#"
        const fails = ({ body }) => {
            try { JSON.parse(Buffer.from(body, "base64")); } catch { return true; }
        };"#;
    for (fails, is_right) in
        [(decode, true), (r#"const fails = ({ body }) => !Buffer.from(body, "base64");"#, false)]
    {
        let handler = "export const handler = async ({ Records }) => ({ batchItemFailures:
            Records.filter(fails).map(({ messageId }) => ({ itemIdentifier: messageId })) });";
        fs::write(folder.path().join("handler.mjs"), format!("{fails}\n{handler}")).unwrap();
        let output = Command::new("node").arg("--test").arg(&file).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(i32::from(!is_right)), "{printed}");
        assert!(printed.contains("a message that cannot be decoded is reported"), "{printed}");
    }
}
