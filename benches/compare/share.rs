//! Lambda's share of a processor: in proportion to the memory, and one processor at 1,769 MB.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>

use std::{fs, io, path::PathBuf, process, thread, time::Duration};

/// Over which Linux grants the share. Lambda's is not documented; public measurements found the same.
const PERIOD_US: u32 = 20_000;
const MB_OF_ONE_CPU: f64 = 1_769.0;

/// A control group of this process's own.
pub struct Share {
    folder: PathBuf,
    pub version: Version,
}

#[derive(Clone, Copy, Debug)]
pub enum Version {
    V1,
    V2,
}

impl Share {
    /// Makes the group, if this process may.
    pub fn new() -> Option<Self> {
        let name = format!("compare-{}", process::id());
        let versions = [(Version::V1, "/sys/fs/cgroup/cpu"), (Version::V2, "/sys/fs/cgroup")];
        versions.into_iter().find_map(|(version, root)| {
            let share = Self { folder: PathBuf::from(root).join(&name), version };
            share.make().ok().map(|()| share)
        })
    }

    fn make(&self) -> io::Result<()> {
        if let Version::V2 = self.version {
            fs::write(self.folder.with_file_name("cgroup.subtree_control"), "+cpu")?;
        }
        fs::create_dir(&self.folder)?;
        self.limit(None).inspect_err(|_| drop(fs::remove_dir(&self.folder)))
    }

    /// Puts a process into the group.
    pub fn add(&self, process: u32) {
        fs::write(self.folder.join("cgroup.procs"), process.to_string()).unwrap();
    }

    /// Grants the share of a memory size in MB, or everything.
    pub fn limit(&self, memory: Option<u32>) -> io::Result<()> {
        let quota = memory.map(|memory| (f64::from(memory) / MB_OF_ONE_CPU * f64::from(PERIOD_US)) as u32);
        match self.version {
            Version::V1 => {
                fs::write(self.folder.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
                let quota = quota.map_or_else(|| "-1".to_owned(), |quota| quota.to_string());
                fs::write(self.folder.join("cpu.cfs_quota_us"), quota)
            }
            Version::V2 => {
                let quota = quota.map_or_else(|| "max".to_owned(), |quota| quota.to_string());
                fs::write(self.folder.join("cpu.max"), format!("{quota} {PERIOD_US}"))
            }
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // A process that was killed leaves the group a moment later.
        for _ in 0..50 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}
