//! The scripts of `completions`, sourced by each shell, and the manual pages.
//!
//! A shell that is not installed is taken from Debian's packages.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
    time::{Duration, Instant},
};

use crate::support::{
    ministack::sdk_config,
    setup::{self, run},
    stack::{self, Deployed, variables},
    tool::{self, Done, TOOL, text},
};

/// Whether the shells' own paths have a program.
fn is_installed(program: &str) -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|folder| folder.join(program).exists())
}

/// The script for a shell.
fn script(shell: &str) -> String {
    text(&run(tool::command(["completions", shell]).env("PATH", "")))
}

/// Lets a shell find the tool, and AWS nowhere.
fn set_up(shell: &mut Command) -> &mut Command {
    let folder = Path::new(TOOL).parent().unwrap().to_owned();
    let paths = std::env::var_os("PATH").unwrap();
    let paths = std::env::join_paths([folder].into_iter().chain(std::env::split_paths(&paths))).unwrap();
    shell.env_remove("DUFFEL_HOOKS_STACK").envs(variables()).env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    shell.env("PATH", paths)
}

/// The words that bash offers for the end of a command line.
fn bash(line: &str) -> Vec<String> {
    const ASK: &str = r#". <("$TOOL" completions bash)
name=$(complete -p duffel-hooks); name=${name##*-F }; name=${name%% *}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
"$name" duffel-hooks "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}""#;
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", ASK, "bash"]).args(line.split(' ')).env("TOOL", TOOL);
    let done = set_up(&mut bash).output().unwrap();
    assert!(done.status.success() && done.stderr.is_empty(), "{}", text(&done.stderr));
    text(&done.stdout).lines().map(str::to_owned).collect()
}

/// The words that fish offers.
fn fish(line: &str) -> Vec<String> {
    static FISH: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let packages = ["fish", "fish-common", "libpcre2-32-0"];
        (!is_installed("fish")).then(|| setup::debian("fish", &packages))
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("script.fish");
    let mut ask = format!("source {}; complete -C $argv[1]", file.display());
    let mut fish = if let Some(tree) = &*FISH {
        ask = format!("set fish_function_path {}/usr/share/fish/functions; {ask}", tree.display());
        let mut fish = Command::new(tree.join("usr/bin/fish"));
        fish.env("LD_LIBRARY_PATH", libraries(tree));
        fish
    } else {
        Command::new("fish")
    };
    fs::write(&file, script("fish")).unwrap();
    fish.env("HOME", folder.path()).args(["--no-config", "-c", &ask, line]);
    let done = set_up(&mut fish).output().unwrap();
    assert!(done.status.success() && done.stderr.is_empty(), "{}", text(&done.stderr));
    // A description follows a tab.
    text(&done.stdout).lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

/// The folder of a Debian tree with its libraries, such as `usr/lib/x86_64-linux-gnu`.
fn libraries(tree: &Path) -> PathBuf {
    let folders = fs::read_dir(tree.join("usr/lib")).unwrap().map(|entry| entry.unwrap().path());
    folders.into_iter().find(|path| path.to_str().unwrap().contains("linux-gnu")).unwrap()
}

/// Types lines into an interactive shell, each with two tabs behind it, and prints what appears, a zero byte after each.
const TYPE: &str = r#"
import fcntl, os, pty, re, select, struct, sys, termios, time

shell, *lines = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(shell, [shell, "-d", "-i"])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 200, 200, 0, 0))

def read_until(pattern):
    printed, until = b"", time.monotonic() + 60
    while not re.search(pattern, printed, re.DOTALL):
        assert time.monotonic() < until, printed
        if select.select([terminal], [], [], 0.2)[0]:
            printed += os.read(terminal, 65536)
    return printed

read_until(b"READY> ")
for line in lines:
    # Control-U removes the line; the command that follows prints the end mark.
    os.write(terminal, line.encode() + b"\t\t\x15echo EN''D\n")
    sys.stdout.buffer.write(read_until(b"\nEND\r\n.*READY> ") + b"\0")
os.kill(pid, 9)
"#;

/// What zsh prints when it is asked for the completions of each line.
fn zsh(lines: &[&str]) -> Vec<String> {
    static ZSH: LazyLock<Option<PathBuf>> =
        LazyLock::new(|| (!is_installed("zsh")).then(|| setup::debian("zsh", &["zsh", "zsh-common"])));
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("functions")).unwrap();
    fs::write(folder.path().join("functions/_duffel-hooks"), script("zsh")).unwrap();
    let mut settings = String::new();
    let mut program = PathBuf::from("zsh");
    if let Some(tree) = &*ZSH {
        let modules = fs::read_dir(libraries(tree).join("zsh")).unwrap().next().unwrap().unwrap().path();
        let functions = tree.join("usr/share/zsh/functions");
        settings = format!("module_path=({})\nfpath=({}/**/*(/N))\n", modules.display(), functions.display());
        program = tree.join("bin/zsh");
    }
    settings += "fpath=($ZDOTDIR/functions $fpath)\nautoload -Uz compinit; compinit -u -D\nLISTMAX=0\nPS1='READY> '\n\
                 zstyle ':completion:*' insert-tab false\n";
    fs::write(folder.path().join(".zshrc"), settings).unwrap();
    let mut python = Command::new("python3");
    python.args(["-c", TYPE]).arg(program).args(lines);
    python.env("ZDOTDIR", folder.path()).env("TERM", "dumb");
    text(&run(set_up(&mut python))).split_terminator('\0').map(str::to_owned).collect()
}

/// Command lines, and what each shell has to offer for their last word.
const CASES: [(&str, &[&str]); 11] = [
    ("duffel-hooks d", &["deliveries", "dlq", "doctor"]),
    ("duffel-hooks dlq ", &["export", "redrive", "show"]),
    ("duffel-hooks dlq export --", &["--delete", "--queue", "--stack", "--to"]),
    ("duffel-hooks webhooks update x --active ", &["false", "true"]),
    ("duffel-hooks gateway-event --gateway ", &["function-url", "http-api", "rest-api"]),
    ("duffel-hooks trigger air.payment.f", &["air.payment.failed"]),
    (
        "duffel-hooks webhooks create --event stays.booking.c",
        &["stays.booking.cancelled", "stays.booking.created"],
    ),
    ("duffel-hooks replay --type air.order", &["air.order.changed"]),
    ("duffel-hooks send --scheme st", &["standard-webhooks", "stripe"]),
    // The name in the repository's own samconfig.toml.
    ("duffel-hooks doctor --stack ", &["duffel-webhook-receiver"]),
    ("duffel-hooks dlq show --stack duf", &["duffel-webhook-receiver"]),
];

fn assert_offered(offered: impl Fn(&str) -> Vec<String>) {
    for (line, expected) in CASES {
        let offered = offered(line);
        for word in expected {
            assert!(offered.iter().any(|it| it == word), "{line}: {offered:?}");
        }
    }
}

#[test]
fn bash_completes_commands_options_and_values() {
    assert_offered(bash);
    assert_eq!(bash("duffel-hooks help dlq r"), ["redrive"]);
}

#[test]
fn fish_completes_commands_options_and_values() {
    assert_offered(fish);
}

#[test]
fn zsh_completes_commands_options_and_values() {
    let printed = zsh(&CASES.map(|(line, _)| line));
    assert_eq!(printed.len(), CASES.len());
    for ((line, expected), printed) in CASES.into_iter().zip(printed) {
        for word in expected {
            assert!(printed.contains(word), "{line}: {printed}");
        }
    }
}

/// The names that are offered in a folder.
async fn stack_names(folder: &Path, more: &[(&str, &str)]) -> (String, Duration) {
    let mut command = tool::command(["stack-names"]);
    command.current_dir(folder).envs(variables()).envs(more.iter().copied());
    let began = Instant::now();
    (Done::of(&tool::run(command).await).lines().join(" "), began.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_deployed_stacks_are_offered() {
    let ours = Deployed::new("http://127.0.0.1:9/webhooks/duffel").await;
    let other = format!("other-{}", ours.name);
    let template =
        "Resources: { Queue: { Type: AWS::SQS::Queue } }\nOutputs: { WebhookUrl: { Value: https://a/ } }";
    let template = serde_yaml_ng::from_str(template).unwrap();
    stack::create(&sdk_config().await, &other, &template, &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let (names, _) = stack_names(folder.path(), &[]).await;
    let names: Vec<_> = names.split(' ').collect();
    assert!(names.contains(&&*ours.name) && !names.contains(&&*other), "{names:?}");
    // Each name once.
    let (again, _) = stack_names(folder.path(), &[("DUFFEL_HOOKS_STACK", &ours.name)]).await;
    assert!(again.starts_with(&ours.name), "{again}");
    assert_eq!(again.split(' ').filter(|name| *name == ours.name).count(), 1, "{again}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shell_waits_a_second_for_aws() {
    let folder = tempfile::tempdir().unwrap();
    let file = "version = 0.1\n[default.deploy.parameters]\nstack_name = \"mine\"\nregion = \"eu-west-2\"\n";
    fs::write(folder.path().join("samconfig.toml"), file).unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let (names, took) = stack_names(folder.path(), &[("AWS_ENDPOINT_URL", &url)]).await;
    assert_eq!(names, "mine");
    assert!((Duration::from_secs(1)..Duration::from_secs(5)).contains(&took), "{took:?}");
    fs::write(folder.path().join("samconfig.toml"), "not TOML").unwrap();
    assert_eq!(stack_names(folder.path(), &[("AWS_ENDPOINT_URL", "http://127.0.0.1:1")]).await.0, "");
}

#[test]
fn offered_types_are_not_the_only_ones() {
    // The type is accepted, and the command fails later.
    let create = ["webhooks", "create", "https://example.com/", "--event", "rail.booking.created"];
    let done = Done::of(&tool::command(create).output().unwrap());
    done.assert_failed(1, "DUFFEL_ACCESS_TOKEN is not set");
}

#[test]
fn manual_pages_are_those_of_the_help() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    tool::assert_success(&tool::command(["man"]).arg(&pages).output().unwrap());
    let read = |name: &str| fs::read_to_string(pages.join(name)).unwrap();
    let main = read("duffel-hooks.1");
    assert!(main.contains(".TH duffel-hooks 1") && main.contains("duffel\\-hooks\\-trigger(1)"), "{main}");
    assert!(!main.contains("duffel\\-hooks\\-man"), "it is hidden");
    let trigger = read("duffel-hooks-trigger.1");
    assert!(trigger.contains("Each event has new ids.") && trigger.contains("\\-\\-same\\-id"), "{trigger}");
    assert!(read("duffel-hooks-dlq-redrive.1").contains("\\-\\-max\\-per\\-second"));
    let taken = tool::command(["man", "Cargo.toml"]).output().unwrap();
    Done::of(&taken).assert_failed(1, "cannot write to Cargo.toml");
}
