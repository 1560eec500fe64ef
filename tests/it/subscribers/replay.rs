//! `replay --subscriber`: the calls to SNS, and what an operator reads.

use std::time::{Duration, SystemTime};

use duffel_webhook_receiver::time::parse_time;

use super::Env;
use crate::support::{
    proxy::AwsFault,
    tool::{self, Done, assert_success},
};

const SET: &str = "sns:SetSubscriptionAttributes";
const GET: &str = "sns:GetSubscriptionAttributes";

/// As SNS documents the answer: <https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html>.
const DONE: AwsFault = AwsFault::Answer(
    "<SetSubscriptionAttributesResponse><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>\
     </SetSubscriptionAttributesResponse>",
);

macro_rules! attributes {
    ($($entries:literal)*) => {
        AwsFault::Answer(concat!(
            "<GetSubscriptionAttributesResponse><GetSubscriptionAttributesResult><Attributes>",
            "<entry><key>RawMessageDelivery</key><value>true</value></entry>",
            $($entries,)*
            "</Attributes></GetSubscriptionAttributesResult></GetSubscriptionAttributesResponse>"
        ))
    };
}

macro_rules! replay {
    ($since:literal, $until:literal, $status:literal) => {
        attributes!(
            "<entry><key>ReplayPolicy</key><value>{\"PointType\":\"Timestamp\",\"StartingPoint\":\"" $since "\"" $until
            "}</value></entry><entry><key>ReplayStatus</key><value>" $status "</value></entry>"
        )
    };
}

macro_rules! archive {
    ($begins:literal) => {
        AwsFault::Answer(concat!(
            "<GetTopicAttributesResponse><GetTopicAttributesResult><Attributes><entry><key>ArchivePolicy</key><value>",
            "{\"MessageRetentionPeriod\":\"14\"}</value></entry><entry><key>BeginningArchiveTime</key><value>", $begins,
            "</value></entry></Attributes></GetTopicAttributesResult></GetTopicAttributesResponse>"
        ))
    };
}

const NONE: AwsFault = attributes!();
const SINCE: &str = "2026-01-31T12:00:00Z";
const UNTIL: &str = "2026-01-31T14:00:00Z";
const PENDING: AwsFault = replay!("2026-01-31T12:00:00.000Z", "", "Pending");
const RUNNING: AwsFault = replay!("2026-01-31T12:00:00.000Z", "", "In progress");
const COMPLETED: AwsFault = replay!("2026-01-31T12:00:00.000Z", "", "Completed");
const AGAIN: AwsFault = replay!("2026-01-31T11:59:59.999Z", "", "Completed");
const FAILED: AwsFault = replay!("2026-01-31T12:00:00.000Z", "", "Failed");
const PART_RUNNING: AwsFault =
    replay!("2026-01-31T12:00:00.000Z", ",\"EndingPoint\":\"2026-01-31T14:00:00.000Z\"", "In progress");
const PART_COMPLETED: AwsFault =
    replay!("2026-01-31T12:00:00.000Z", ",\"EndingPoint\":\"2026-01-31T14:00:00.000Z\"", "Completed");
const PART_FAILED: AwsFault =
    replay!("2026-01-31T12:00:00.000Z", ",\"EndingPoint\":\"2026-01-31T14:00:00.000Z\"", "Failed");

impl Env {
    /// Answers the reads of the subscription: the first before the replay, the others during it.
    fn answer(&self, reads: &[AwsFault]) {
        self.proxy.inject(SET, [DONE]);
        self.proxy.inject(GET, reads.iter().copied());
    }

    async fn replay(&self, arguments: &[&str]) -> Done {
        let queue = self.queue().to_owned();
        Done::of(&self.run(&[&["replay", "--subscriber", &queue], arguments].concat()).await)
    }

    /// The replay policies that were set, in order.
    async fn set(&self) -> Vec<String> {
        let listed = self.sns.list_subscriptions_by_topic().topic_arn(self.topic()).send().await.unwrap();
        let arn = listed.subscriptions()[0].subscription_arn().unwrap().to_owned();
        let policy = |mut form: std::collections::BTreeMap<String, String>| {
            assert_eq!(form.remove("Version").as_deref(), Some("2010-03-31"));
            assert_eq!(form.remove("Action").as_deref(), Some("SetSubscriptionAttributes"));
            assert_eq!(form.remove("SubscriptionArn").as_ref(), Some(&arn));
            assert_eq!(form.remove("AttributeName").as_deref(), Some("ReplayPolicy"));
            let policy = form.remove("AttributeValue").unwrap();
            assert!(form.is_empty(), "{form:?}");
            policy
        };
        self.proxy.forms(SET).into_iter().map(policy).collect()
    }
}

/// A policy that has a start alone, and its time.
fn start(policy: &str) -> SystemTime {
    let policy: serde_json::Value = serde_json::from_str(policy).unwrap();
    let members: Vec<_> = policy.as_object().unwrap().keys().collect();
    assert_eq!(members, ["PointType", "StartingPoint"]);
    assert_eq!(policy["PointType"], "Timestamp");
    parse_time(policy["StartingPoint"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn archive_is_replayed_to_a_subscriber_and_followed_to_the_end() {
    let env = Env::new().await;
    env.answer(&[NONE, NONE, PENDING, RUNNING, COMPLETED]);
    let done = env.replay(&["--since", SINCE]).await;
    assert_eq!(done.code, 0, "{}", done.err);
    let plan = format!("Replaying what was published since 2026-01-31T12:00:00.000Z to {}\n", env.queue());
    assert_eq!(done.out, plan + "Replayed: SNS has delivered all of it to the queue\n");
    assert_eq!(done.err, "Pending\nIn progress\n");
    let policy = r#"{"PointType":"Timestamp","StartingPoint":"2026-01-31T12:00:00.000Z"}"#;
    assert_eq!(env.set().await, [policy]);
}

#[tokio::test]
async fn subscriber_gets_new_events_again_after_a_replay_with_an_end() {
    for (last, code) in
        [(PART_COMPLETED, 0), (PART_FAILED, 1), (AwsFault::Refuse(403, "AuthorizationError"), 1)]
    {
        let env = Env::new().await;
        env.answer(&[NONE, PART_RUNNING, last]);
        let began = SystemTime::now();
        let done = env.replay(&["--since", SINCE, "--until", UNTIL]).await;
        assert_eq!(done.code, code, "{}", done.err);
        let [first, second] = env.set().await.try_into().unwrap();
        assert_eq!(
            first,
            r#"{"EndingPoint":"2026-01-31T14:00:00.000Z","PointType":"Timestamp","StartingPoint":"2026-01-31T12:00:00.000Z"}"#
        );
        // What was published since the start of the replay, and was held back.
        let resumed = start(&second);
        assert!(resumed >= began - Duration::from_millis(1) && resumed <= SystemTime::now());
        assert!(done.out.contains("\nResumed: SNS delivers what was published since "), "{}", done.out);
        assert_eq!(done.out.contains("Replayed"), code == 0, "{}", done.out);
        assert_eq!(done.err.contains("the replay is not complete: "), code == 1, "{}", done.err);
    }
}

#[tokio::test]
async fn interrupted_replay_with_an_end_does_not_leave_the_subscriber_paused() {
    let env = Env::new().await;
    env.answer(&[NONE, PART_RUNNING]);
    let queue = env.queue().to_owned();
    let mut command = env.tool(&["replay", "--subscriber", &queue, "--since", SINCE, "--until", UNTIL]);
    let replaying = tool::start(&mut command);
    tool::until("the replay is followed", || env.proxy.calls().get(GET).is_some_and(|calls| *calls > 2))
        .await;
    tool::signal("INT", &replaying);
    let done = Done::of(&tool::finish(replaying).await);
    done.assert_failed(1, "the replay is not complete: interrupted");
    let [_, second] = env.set().await.try_into().unwrap();
    start(&second);
}

#[tokio::test]
async fn interrupted_replay_without_an_end_goes_on_at_sns() {
    let env = Env::new().await;
    env.answer(&[NONE, RUNNING]);
    let queue = env.queue().to_owned();
    let replaying = tool::start(&mut env.tool(&["replay", "--subscriber", &queue, "--since", SINCE]));
    tool::until("the replay is followed", || env.proxy.calls().get(GET).is_some_and(|calls| *calls > 2))
        .await;
    tool::signal("TERM", &replaying);
    let done = Done::of(&tool::finish(replaying).await);
    done.assert_failed(1, "interrupted (SNS goes on with a replay");
    assert_eq!(env.set().await.len(), 1);
}

#[tokio::test]
async fn subscription_that_cannot_be_resumed_is_reported_with_the_command_that_does() {
    let env = Env::new().await;
    env.answer(&[NONE, PART_COMPLETED]);
    env.proxy.inject(SET, [DONE, AwsFault::Refuse(403, "AuthorizationError")]);
    let done = env.replay(&["--since", SINCE, "--until", UNTIL]).await;
    let command = format!(
        "resume it with duffel-hooks replay --stack {} --subscriber {} --since {UNTIL}",
        env.stack.name,
        env.queue()
    );
    let command = command.replace("14:00:00Z", "14:00:00.000Z");
    done.assert_failed(
        1,
        "is paused and gets no new events (the permission sns:SetSubscriptionAttributes is missing)",
    );
    assert!(done.err.contains(&command), "{} does not say {command}", done.err);
}

#[tokio::test]
async fn lost_answer_to_the_start_of_a_replay_with_an_end_leaves_no_pause() {
    let env = Env::new().await;
    env.answer(&[NONE]);
    // The SDK makes three attempts.
    env.proxy.inject(SET, [AwsFault::Down, AwsFault::Down, AwsFault::Down, DONE]);
    let done = env.replay(&["--since", SINCE, "--until", UNTIL]).await;
    done.assert_failed(1, "sns:SetSubscriptionAttributes was not answered");
    start(env.set().await.last().unwrap());
}

#[tokio::test]
async fn running_replay_is_reported_and_not_replaced_without_being_asked() {
    let env = Env::new().await;
    env.answer(&[RUNNING]);
    let refused = env.replay(&["--since", "2026-01-30"]).await;
    refused.assert_failed(
        1,
        "is running (since 2026-01-31T12:00:00.000Z, In progress): wait for its end, or replace it",
    );
    // It would skip what is not delivered yet.
    let later = env.replay(&["--since", "2026-02-01", "--replace"]).await;
    later.assert_failed(1, "give --since 2026-01-31T12:00:00.000Z or earlier");
    assert_eq!(env.set().await, [""; 0]);
    let started = env.replay(&["--since", "2026-01-30", "--replace", "--no-wait"]).await;
    assert_eq!(started.code, 0, "{}", started.err);
    assert!(
        started.out.contains("and is replaced\n") && started.out.contains("\nStarted: "),
        "{}",
        started.out
    );
    assert_eq!(env.set().await, [r#"{"PointType":"Timestamp","StartingPoint":"2026-01-30T00:00:00.000Z"}"#]);
}

#[tokio::test]
async fn paused_subscriber_is_resumed_without_a_gap() {
    let env = Env::new().await;
    env.answer(&[PART_COMPLETED]);
    let listed = env.listed().await;
    let warnings = listed[0]["warnings"].as_array().unwrap();
    let paused = "it is paused: a replay ended at 2026-01-31T14:00:00.000Z";
    let warning = warnings.iter().find(|it| it["seen"].as_str().unwrap().starts_with(paused)).unwrap();
    let fix = warning["fix"].as_str().unwrap();
    assert!(fix.ends_with("--since 2026-01-31T14:00:00.000Z"), "{fix}");
    let gap = env.replay(&["--since", "2026-02-01"]).await;
    gap.assert_failed(
        1,
        "What was published until --since would be skipped: give --since 2026-01-31T14:00:00.000Z",
    );
    assert_eq!(env.set().await, [""; 0]);
    let resumed = env.replay(&["--since", "2026-01-31T14:00:00.000Z", "--no-wait"]).await;
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    assert_eq!(env.set().await, [r#"{"PointType":"Timestamp","StartingPoint":"2026-01-31T14:00:00.000Z"}"#]);
}

#[tokio::test]
async fn pause_is_not_shortened_by_another_replay_with_an_end() {
    let env = Env::new().await;
    let other =
        replay!("2026-01-30T00:00:00.000Z", ",\"EndingPoint\":\"2026-01-31T00:00:00.000Z\"", "Completed");
    let own =
        replay!("2026-01-30T12:00:00.000Z", ",\"EndingPoint\":\"2026-01-31T14:00:00.000Z\"", "Completed");
    env.answer(&[other, own]);
    let done = env.replay(&["--since", "2026-01-30T12:00:00Z", "--until", UNTIL]).await;
    // The pause began before this replay.
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.out.contains("is paused since 2026-01-31T00:00:00.000Z, and gets what was"), "{}", done.out);
    let [_, second] = env.set().await.try_into().unwrap();
    assert_eq!(second, r#"{"PointType":"Timestamp","StartingPoint":"2026-01-31T00:00:00.000Z"}"#);
}

#[tokio::test]
async fn repeated_replay_does_not_take_the_previous_one_for_its_own() {
    let env = Env::new().await;
    env.answer(&[COMPLETED, COMPLETED, AGAIN]);
    let done = env.replay(&["--since", SINCE]).await;
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(env.set().await, [r#"{"PointType":"Timestamp","StartingPoint":"2026-01-31T11:59:59.999Z"}"#]);
    assert_eq!(env.proxy.calls()[GET], 3);
}

#[tokio::test]
async fn failed_replay_is_a_failure() {
    let env = Env::new().await;
    env.answer(&[NONE, FAILED]);
    env.replay(&["--since", SINCE]).await.assert_failed(1, "SNS could not complete the replay");
    assert_eq!(env.set().await.len(), 1);
}

#[tokio::test]
async fn part_that_is_not_in_the_archive_is_reported() {
    let env = Env::new().await;
    env.answer(&[NONE]);
    env.proxy.inject("sns:GetTopicAttributes", [archive!("2026-01-31T13:00:00.250Z")]);
    let done = env.replay(&["--since", SINCE, "--no-wait"]).await;
    assert_eq!(done.code, 0, "{}", done.err);
    let note = "Not all can be replayed: the archive begins at 2026-01-31T13:00:00.250Z, and keeps 14 days. What was \
                published since 2026-01-31T12:00:00.000Z is missing\n";
    assert!(done.out.starts_with(note), "{}", done.out);
    assert_eq!(env.set().await, [r#"{"PointType":"Timestamp","StartingPoint":"2026-01-31T13:00:00.250Z"}"#]);
    let nothing = env.replay(&["--since", SINCE, "--until", "2026-01-31T12:59:00Z"]).await;
    nothing.assert_failed(1, "nothing of this period can be replayed: the archive begins at");
    assert_eq!(env.set().await.len(), 1);
}

#[tokio::test]
async fn topic_without_an_archive_has_nothing_to_replay() {
    const BARE: AwsFault = AwsFault::Answer(
        "<GetTopicAttributesResponse><GetTopicAttributesResult><Attributes></Attributes></GetTopicAttributesResult>\
         </GetTopicAttributesResponse>",
    );
    let env = Env::new().await;
    env.answer(&[NONE]);
    env.proxy.inject("sns:GetTopicAttributes", [BARE]);
    env.replay(&["--since", SINCE]).await.assert_failed(1, "has no archive, so there is nothing to replay");
    assert_eq!(env.set().await, [""; 0]);
}

#[tokio::test]
async fn dry_run_of_a_replay_to_a_subscriber_changes_nothing() {
    let env = Env::new().await;
    env.answer(&[NONE]);
    let done = env.replay(&["--since", SINCE, "--until", UNTIL, "--dry-run"]).await;
    let plan =
        "Would replay what was published from 2026-01-31T12:00:00.000Z until 2026-01-31T14:00:00.000Z to ";
    assert!(done.code == 0 && done.out.starts_with(plan), "{}{}", done.out, done.err);
    assert!(done.out.contains("gets no new events"), "{}", done.out);
    assert_eq!(env.set().await, [""; 0]);
}

#[tokio::test]
async fn unknown_subscriber_is_reported_with_those_that_are_known() {
    let env = Env::new().await;
    let done = Done::of(&env.run(&["replay", "--subscriber", "ordres.fifo", "--since", "1h"]).await);
    done.assert_failed(
        1,
        &format!("ordres.fifo does not subscribe to the topic; its subscribers are {}", env.queue()),
    );
    // The same name in two accounts.
    for account in ["111122223333", "444455556666"] {
        let endpoint = format!("arn:aws:sqs:eu-west-1:{account}:orders.fifo");
        env.subscribe("sqs", &endpoint, &[]).await;
    }
    let done = Done::of(&env.run(&["replay", "--subscriber", "orders.fifo", "--since", "1h"]).await);
    done.assert_failed(
        1,
        "several subscribers have the name orders.fifo: give one of arn:aws:sqs:eu-west-1:111122223333",
    );
    assert!(!env.proxy.calls().contains_key(SET));
}

#[tokio::test]
async fn emulator_that_knows_no_replay_policy_refuses_it_in_the_end() {
    let env = Env::new().await;
    // Nothing is injected: the request is one that SNS's parser reads, with an attribute that the emulator lacks.
    let done = env.replay(&["--since", SINCE]).await;
    done.assert_failed(1, "sns:SetSubscriptionAttributes was refused: Invalid attribute name: ReplayPolicy");
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    let archive = ["replay", "--stack", "x", "--subscriber", "orders.fifo"];
    for (more, says) in [
        (&["--since", "1h", "--failed"][..], "cannot be used with"),
        (&["--since", "1h", "--type", "order.*"], "cannot be used with"),
        (&["--since", "1h", "--table", "ledger"], "cannot be used with"),
        (&["--since", "1h", "--wait", "1m"], "cannot be used with"),
        (&["--since", "1h", "--json"], "cannot be used with"),
        (&["--since", "3h", "--until", "1h", "--no-wait"], "cannot be used with"),
        (&["wev_1"], "cannot be used with"),
        (&[], "--since"),
    ] {
        let done = Done::of(&tool::command([&archive, more].concat()).output().unwrap());
        done.assert_failed(2, says);
    }
    for option in ["--no-wait", "--replace"] {
        let done =
            Done::of(&tool::command(["replay", "--stack", "x", "--since", "1h", option]).output().unwrap());
        done.assert_failed(2, "--subscriber");
    }
}

#[tokio::test]
async fn empty_period_is_an_error_of_the_command_line() {
    let env = Env::new().await;
    for period in [["--since", "1h", "--until", "2h"], ["--since", "2999-01-01", "--until", "2999-02-01"]] {
        env.replay(&period).await.assert_failed(2, "the period is empty");
    }
    assert_success(&env.run(&["subscribers"]).await);
}
