//! What the figures depend on, in general terms.

use std::{fs, thread};

use serde_json::{Value, json};

use crate::share::{Share, Version};

pub fn describe(share: Option<&Share>) -> Value {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor.lines().find_map(|line| line.strip_prefix("model name"));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    json!({
        "cores": thread::available_parallelism().map(usize::from).unwrap_or_default(),
        "architecture": std::env::consts::ARCH,
        "processor": processor.map(|name| name.trim_start_matches([' ', '\t', ':'])),
        "kernel": kernel.trim().split('.').take(2).collect::<Vec<_>>().join("."),
        "cgroup": share.map(|share| match share.version { Version::V1 => 1, Version::V2 => 2 }),
    })
}
