//! Piles made by others, with the chain that must come out. They are used where `PKIT_TEST_DATA` says where they are.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::common;

#[test]
fn the_piles_of_others_come_out_as_they_say() {
    let Some(data) = common::data("chains") else { return };
    let text = std::fs::read(data.join("cases.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_slice(&text).unwrap();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut wrong = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let id = case["id"].as_str().unwrap();
            if !agrees(&data, case) {
                wrong.push(id);
            }
        }
        wrong
    };
    let wrong: Vec<&str> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|w| w.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} of {} are not as expected: {wrong:?}", wrong.len(), cases.len());
}

/// Does pkit print the expected chain, or one of the alternatives, the root printed or left out? A pile with a gap must also
/// have exit code 1.
fn agrees(data: &Path, case: &Value) -> bool {
    let mut pkit = Command::new(env!("CARGO_BIN_EXE_pkit"));
    pkit.args(["chain", "build", "--at", case["at"].as_str().unwrap()]).arg(file(data, &case["bundle"]));
    if let Some(root) = case["root"].as_str().filter(|root| !root.is_empty()) {
        pkit.arg("--trust").arg(data.join(root));
    }
    let ended = pkit.output().unwrap();
    let told = case["complete"] == true || ended.status.code() == Some(1);
    let printed = fingerprints(&ended.stdout);
    let orders = std::iter::once(&case["expected"]).chain(case["alternatives"].as_array().unwrap());
    told && orders.map(list).any(|order| printed == order || (order.len() > 1 && printed == order[..order.len() - 1]))
}

fn file(data: &Path, name: &Value) -> PathBuf {
    data.join(name.as_str().unwrap())
}

fn list(order: &Value) -> Vec<String> {
    order.as_array().unwrap().iter().map(|h| h.as_str().unwrap().to_owned()).collect()
}

fn fingerprints(chain: &[u8]) -> Vec<String> {
    let blocks = pem::parse_many(chain).unwrap_or_default();
    blocks
        .iter()
        .map(|b| pkit::crypto::hex(&pkit::crypto::digest(pkit::crypto::Digest::Sha256, b.contents())))
        .collect()
}
