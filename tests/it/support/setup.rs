//! Packages that the tests install once, under the target folder.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

/// The Python of a virtual environment with these packages.
pub fn python(name: &str, packages: &[&str]) -> PathBuf {
    let folder = once(name, "python", packages, |folder| {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder));
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(Command::new(folder.join("bin/python")).args(pip).args(packages));
    });
    folder.join("bin/python")
}

/// The Python of the SAM CLI, with boto3 and AWS's runtime emulator.
pub fn sam() -> PathBuf {
    python("sam", &["aws-sam-cli==1.170.0"])
}

/// A folder in which Node finds these packages.
pub fn node(name: &str, packages: &[&str]) -> PathBuf {
    once(name, "node", packages, |folder| {
        fs::create_dir_all(folder).unwrap();
        let npm = ["install", "--silent", "--no-save", "--no-audit", "--no-fund"];
        run(Command::new("npm").current_dir(folder).args(npm).args(packages));
    })
}

/// A folder with a package and what its `package-lock.json` names.
pub fn node_lock(package: &Path) -> PathBuf {
    let read = |name: &str| fs::read_to_string(package.join(name)).unwrap();
    let (manifest, lock) = (read("package.json"), read("package-lock.json"));
    let name = package.file_name().unwrap().to_str().unwrap();
    once(name, "node", &[&lock], |folder| {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("package.json"), &manifest).unwrap();
        fs::write(folder.join("package-lock.json"), &lock).unwrap();
        run(Command::new("npm").current_dir(folder).args(["ci", "--silent", "--no-audit", "--no-fund"]));
    })
}

/// The folder of a tree with Debian's packages, for programs that are not installed.
pub fn debian(name: &str, packages: &[&str]) -> PathBuf {
    once(name, "debian", packages, |folder| {
        fs::create_dir_all(folder).unwrap();
        run(Command::new("apt-get").current_dir(folder).args(["download", "--quiet"]).args(packages));
        for file in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            run(Command::new("dpkg-deb").arg("--extract").arg(file).arg(folder.join("tree")));
        }
    })
    .join("tree")
}

/// Makes a folder unless it exists with exactly these packages. Other test processes may do so at the same time.
fn once(name: &str, language: &str, packages: &[&str], make: impl Fn(&Path)) -> PathBuf {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = all.join(format!("{name}-{language}"));
    let (complete, packages) = (folder.join("complete"), packages.join(" "));
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if fs::read_to_string(&complete).is_ok_and(|installed| installed == packages) {
        return folder;
    }
    let _ = fs::remove_dir_all(&folder);
    make(&folder);
    fs::write(complete, packages).unwrap();
    folder
}

/// Runs a command to its end and returns what it printed.
pub fn run(command: &mut Command) -> Vec<u8> {
    let program = command.get_program().to_owned();
    let output =
        command.output().unwrap_or_else(|error| panic!("the tests need {}: {error}", program.display()));
    let said = || String::from_utf8([&*output.stdout, &output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{command:?}: {}", said());
    output.stdout
}
