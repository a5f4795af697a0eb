//! What makes figures comparable: a description of everything that decides them apart from what is judged.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the evaluator's rules; raised whenever a figure changes for the same files and settings.
pub const VERSION: u32 = 2;

/// Two reports may be compared when their protocols are equal.
///
/// It holds the pictures that candidates are judged against, the metrics with their networks, and the rules by which
/// pictures are read and sampled. It does not hold the candidates themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// [`VERSION`] of the evaluator.
    pub version: u32,
    /// What is evaluated: `style`, `generator`, `memorised`, `frames` or `pair`.
    pub job: String,
    /// The pictures that candidates are judged against, by their role.
    pub data: BTreeMap<String, DataProtocol>,
    /// How pictures are read and sampled: one short sentence for each rule.
    pub rules: BTreeMap<String, String>,
    /// The metrics by name.
    pub metrics: BTreeMap<String, MetricProtocol>,
    /// Resamples of every bootstrap interval.
    pub bootstrap_rounds: usize,
    /// Seed of everything random.
    pub seed: u64,
}

/// A set of pictures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataProtocol {
    /// Pictures used.
    pub count: usize,
    /// BLAKE3 of the list of the BLAKE3 hashes of their files.
    pub blake3: String,
}

impl DataProtocol {
    /// Of the files with these BLAKE3 hashes, in their order.
    pub fn of<'a>(hashes: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hasher = blake3::Hasher::new();
        let mut count = 0;
        for hash in hashes {
            hasher.update(hash.as_bytes()).update(b"\n");
            count += 1;
        }
        Self { count, blake3: hasher.finalize().to_hex().to_string() }
    }
}

/// How one metric is computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricProtocol {
    /// What it measures, with its source.
    pub definition: String,
    /// The network whose features it compares, if it has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub network: Option<NetworkProtocol>,
    /// Numbers that decide it: samples, neighbours, projections.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub settings: BTreeMap<String, Value>,
}

/// A network as a metric uses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkProtocol {
    /// Its name.
    pub name: String,
    /// SHA-256 of its weights file, in hexadecimal.
    pub sha256: String,
    /// The layer whose features are compared.
    pub layer: String,
    /// How pictures are brought to the network's size; empty where they keep theirs.
    pub resizer: String,
}

impl Protocol {
    /// BLAKE3 of the protocol in canonical JSON (keys sorted), in hexadecimal. Equal protocols have equal hashes.
    pub fn hash(&self) -> String {
        // `Value` sorts the keys of every object.
        let canonical = serde_json::to_value(self).unwrap_or_default().to_string();
        blake3::hash(canonical.as_bytes()).to_hex().to_string()
    }

    /// What differs between two protocols, one readable line for each difference; empty when they are equal.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let [own, other] = [self, other].map(|p| serde_json::to_value(p).unwrap_or_default());
        let mut found = Vec::new();
        walk("", &own, &other, &mut found);
        found
    }
}

/// Compares two values and everything within them.
fn walk(path: &str, a: &Value, b: &Value, found: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let inner = if path.is_empty() { key.clone() } else { format!("{path} {key}") };
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => walk(&inner, a, b, found),
                    (Some(_), None) => found.push(format!("{inner} is only in the first")),
                    _ => found.push(format!("{inner} is only in the second")),
                }
            }
        }
        _ if a == b => {}
        _ => found.push(format!("{path}: {} against {}", short(a), short(b))),
    }
}

/// A value as a line can hold it.
fn short(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), |text| format!("'{text}'"));
    let is_hash = text.len() == 66 && text.trim_matches('\'').bytes().all(|b| b.is_ascii_hexdigit());
    if is_hash { format!("{}...", &text.trim_matches('\'')[..12]) } else { text }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A protocol with one metric of a network.
    pub(in crate::pipeline::eval) fn protocol() -> Protocol {
        let network = NetworkProtocol {
            name: "lpips-squeeze".into(),
            sha256: "ab".repeat(32),
            layer: "all".into(),
            resizer: String::new(),
        };
        let lpips =
            MetricProtocol { definition: "LPIPS".into(), network: Some(network), settings: BTreeMap::default() };
        Protocol {
            version: VERSION,
            job: "style".into(),
            data: BTreeMap::from([("contents".into(), DataProtocol::of(["a", "b"]))]),
            rules: BTreeMap::from([("alpha".into(), "over white".into())]),
            metrics: BTreeMap::from([("lpips".into(), lpips)]),
            bootstrap_rounds: 2000,
            seed: 0,
        }
    }

    #[test]
    fn differences_name_what_differs() {
        let base = protocol();
        assert!(base.differences(&base.clone()).is_empty());
        type Change = fn(&mut Protocol);
        let cases: [(Change, &[&str]); 5] = [
            (|p| p.seed = 3, &["seed: 0 against 3"]),
            (|p| p.data.get_mut("contents").unwrap().count = 9, &["data contents count: 2 against 9"]),
            (|p| drop(p.metrics.remove("lpips")), &["metrics lpips is only in the first"]),
            (
                |p| p.metrics.get_mut("lpips").unwrap().network.as_mut().unwrap().sha256 = "cd".repeat(32),
                &["metrics lpips network sha256: abababababab... against cdcdcdcdcdcd..."],
            ),
            (|p| drop(p.rules.insert("alpha".into(), "black".into())), &["rules alpha: 'over white' against 'black'"]),
        ];
        for (change, expected) in cases {
            let mut other = base.clone();
            change(&mut other);
            assert_eq!(base.differences(&other), expected);
            assert_ne!(base.hash(), other.hash(), "{expected:?}");
        }
    }

    #[test]
    fn hashes_survive_a_file_and_tell_sets_apart() {
        let text = serde_json::to_string(&protocol()).unwrap();
        let back: Protocol = serde_json::from_str(&text).unwrap();
        assert_eq!((back.hash(), &back), (protocol().hash(), &protocol()));
        assert_ne!(DataProtocol::of(["a", "b"]), DataProtocol::of(["b", "a"]));
        assert_ne!(DataProtocol::of(["ab"]), DataProtocol::of(["a", "b"]));
    }
}
