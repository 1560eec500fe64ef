//! The text of the template, and its evaluation as `CloudFormation` would do it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};
use serde_yaml_ng::Value;

use crate::support::ministack::REGION;

/// The account of the emulator.
pub const ACCOUNT: &str = "000000000000";

/// The name of the stack, unless a test says otherwise, and the start of its id.
const STACK: &str = "hooks";
const STACK_ID: &str = "1b2c3d4e";

/// The reference for which `CloudFormation` omits a value.
const NO_VALUE: &str = "AWS::NoValue";

pub struct Template {
    document: Value,
    given: BTreeMap<String, String>,
    made: BTreeMap<String, (String, String)>,
    stack: String,
}

impl Template {
    pub fn read() -> Self {
        let document = serde_yaml_ng::from_str(include_str!("../../../template.yaml")).unwrap();
        Self { document, given: BTreeMap::new(), made: BTreeMap::new(), stack: STACK.to_owned() }
    }

    /// Sets the name of the stack.
    pub fn of_stack(mut self, name: &str) -> Self {
        name.clone_into(&mut self.stack);
        self
    }

    /// Sets the value of a parameter.
    pub fn given(mut self, parameter: &str, value: &str) -> Self {
        assert!(self.section("Parameters")[parameter].is_mapping(), "there is no parameter {parameter}");
        self.given.insert(parameter.to_owned(), value.to_owned());
        self
    }

    /// Sets the physical resource: the value of a reference to it, and its ARN.
    pub fn made(mut self, resource: &str, reference: &str, arn: &str) -> Self {
        self.resource(resource);
        self.made.insert(resource.to_owned(), (reference.to_owned(), arn.to_owned()));
        self
    }

    pub fn section(&self, name: &str) -> &Value {
        &self.document[name]
    }

    pub fn resource(&self, name: &str) -> &Value {
        let resource = &self.section("Resources")[name];
        assert!(resource.is_mapping(), "there is no resource {name}; was it renamed?");
        resource
    }

    pub fn property(&self, resource: &str, name: &str) -> &Value {
        &self.resource(resource)["Properties"][name]
    }

    /// The names in a section that exist under the conditions of the template.
    pub fn existing(&self, section: &str) -> BTreeSet<&str> {
        let all = self.section(section).as_mapping().unwrap().iter();
        let exists = |value: &Value| value["Condition"].is_null() || self.holds(&value["Condition"]);
        all.filter(|(_, value)| exists(value)).map(|(name, _)| name.as_str().unwrap()).collect()
    }

    /// The descriptions of the assertions under "Rules" that refuse the parameters.
    pub fn refusals(&self) -> Vec<&str> {
        let rules = self.section("Rules").as_mapping().unwrap().values();
        let rules =
            rules.filter(|rule| rule["RuleCondition"].is_null() || self.holds(&rule["RuleCondition"]));
        let assertions = rules.flat_map(|rule| rule["Assertions"].as_sequence().unwrap());
        let refused = assertions.filter(|assertion| !self.holds(&assertion["Assert"]));
        refused.map(|assertion| assertion["AssertDescription"].as_str().unwrap()).collect()
    }

    /// The environment of a function.
    pub fn variables(&self, function: &str) -> BTreeMap<String, String> {
        let variables = self.resolve(&self.property(function, "Environment")["Variables"]).unwrap();
        serde_json::from_value(variables).unwrap()
    }

    /// All policies of a role, or one policy, as one document.
    pub fn policy(&self, name: &str) -> Json {
        let documents = match &self.resource(name)["Type"] {
            kind if kind == "AWS::IAM::Role" => {
                let policies = self.property(name, "Policies").as_sequence().unwrap();
                policies.iter().map(|policy| &policy["PolicyDocument"]).collect()
            }
            _ => vec![self.property(name, "PolicyDocument")],
        };
        let mut statements = Vec::new();
        for document in documents {
            let document = self.resolve(document).unwrap();
            assert_eq!(document["Version"], "2012-10-17");
            statements.extend(document["Statement"].as_array().unwrap().clone());
        }
        json!({ "Version": "2012-10-17", "Statement": statements })
    }

    /// Evaluates a value; `None` if it is omitted.
    pub fn resolve(&self, value: &Value) -> Option<Json> {
        let tagged = match value {
            Value::Tagged(tagged) => tagged,
            Value::Sequence(values) => {
                return Some(values.iter().filter_map(|value| self.resolve(value)).collect());
            }
            Value::Mapping(values) => {
                let pairs = values.iter().map(|(key, value)| (key.as_str().unwrap(), value));
                let pairs = pairs.filter_map(|(key, value)| Some((key.to_owned(), self.resolve(value)?)));
                return Some(Json::Object(pairs.collect::<Map<_, _>>()));
            }
            _ => return Some(serde_json::to_value(value).unwrap()),
        };
        match (tagged.tag.to_string().as_str(), &tagged.value) {
            ("!Ref", Value::String(name)) if name == NO_VALUE => None,
            ("!Ref", Value::String(name)) => Some(self.reference(name)),
            ("!GetAtt", Value::String(name)) => Some(self.attribute(name).into()),
            ("!Sub", Value::String(text)) => Some(self.substitute(text, &Value::Null).into()),
            ("!Sub", parts) => Some(self.substitute(parts[0].as_str().unwrap(), &parts[1]).into()),
            ("!Join", parts) => {
                let parts = (parts[0].as_str().unwrap(), self.resolve(&parts[1]).unwrap());
                let texts: Vec<_> =
                    parts.1.as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
                Some(texts.join(parts.0).into())
            }
            ("!Split", parts) => {
                let text = self.resolve(&parts[1]).unwrap();
                Some(text.as_str().unwrap().split(parts[0].as_str().unwrap()).collect())
            }
            ("!Select", parts) => {
                let index = usize::try_from(parts[0].as_u64().unwrap()).unwrap();
                Some(self.resolve(&parts[1]).unwrap()[index].clone())
            }
            ("!If", parts) => self.resolve(if self.holds(&parts[0]) { &parts[1] } else { &parts[2] }),
            _ => panic!("the tests cannot evaluate {value:?}"),
        }
    }

    fn reference(&self, name: &str) -> Json {
        let parameter = &self.section("Parameters")[name];
        if parameter.is_mapping() {
            let default = self.resolve(&parameter["Default"]).map(|default| match default {
                Json::String(text) => text,
                other => other.to_string(),
            });
            let text = self.given.get(name).cloned().or(default).unwrap();
            return match parameter["Type"].as_str() {
                Some("CommaDelimitedList") => text.split(',').collect(),
                _ => text.into(),
            };
        }
        let pseudo = match name {
            "AWS::Region" => REGION,
            "AWS::AccountId" => ACCOUNT,
            "AWS::Partition" => "aws",
            "AWS::URLSuffix" => "amazonaws.com",
            "AWS::StackName" => &self.stack,
            "AWS::StackId" => {
                let stack = format!("{}/{STACK_ID}-51af-11ee-91c6-0aaf3c5a4e55", self.stack);
                return format!("arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack}").into();
            }
            _ => return self.physical(name).0.into(),
        };
        pseudo.into()
    }

    fn attribute(&self, name: &str) -> String {
        let (resource, attribute) = name.split_once('.').unwrap();
        let arn = self.physical(resource).1;
        match attribute {
            "Arn" => arn,
            "QueueName" | "TopicName" => arn.rsplit_once(':').unwrap().1.to_owned(),
            _ => panic!("the tests cannot evaluate {name}"),
        }
    }

    fn substitute(&self, text: &str, own: &Value) -> String {
        let mut parts = text.split("${");
        let mut whole = parts.next().unwrap().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap();
            if let Some(literal) = name.strip_prefix('!') {
                whole.extend(["${", literal, "}"]);
            } else if let Some(value) = own.get(name) {
                whole += self.resolve(value).unwrap().as_str().unwrap();
            } else if name.contains('.') {
                whole += &self.attribute(name);
            } else {
                whole += self.reference(name).as_str().unwrap();
            }
            whole += rest;
        }
        whole
    }

    /// The value of a reference to a resource, and its ARN.
    fn physical(&self, name: &str) -> (String, String) {
        let kind = self.resource(name)["Type"].as_str().unwrap();
        if let Some(made) = self.made.get(name) {
            return made.clone();
        }
        let arn = |service: &str, rest: &str| format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}");
        let same = |arn: String| (arn.clone(), arn);
        match kind {
            "AWS::SQS::Queue" => {
                let url = format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}.fifo");
                (url, arn("sqs", &format!("{name}.fifo")))
            }
            "AWS::SNS::Topic" if self.property(name, "FifoTopic").is_null() => same(arn("sns", name)),
            "AWS::SNS::Topic" => same(arn("sns", &format!("{name}.fifo"))),
            "AWS::SNS::Subscription" => same(arn("sns", &format!("EventTopic.fifo:{name}"))),
            "AWS::DynamoDB::Table" => (name.to_owned(), arn("dynamodb", &format!("table/{name}"))),
            "AWS::SecretsManager::Secret" => same(arn("secretsmanager", &format!("secret:{name}-a1b2c3"))),
            "AWS::CloudWatch::Alarm" => (name.to_owned(), arn("cloudwatch", &format!("alarm:{name}"))),
            "AWS::CloudWatch::Dashboard" => {
                (name.to_owned(), arn("cloudwatch", &format!("dashboard/{name}")))
            }
            "AWS::Logs::LogGroup" => (name.to_owned(), arn("logs", &format!("log-group:{name}:*"))),
            "AWS::IAM::Role" => (name.to_owned(), format!("arn:aws:iam::{ACCOUNT}:role/{name}")),
            "AWS::Serverless::HttpApi" => (name.to_owned(), arn("apigateway", &format!("/apis/{name}"))),
            "AWS::Serverless::Function" => (name.to_owned(), arn("lambda", &format!("function:{name}"))),
            _ => panic!("the tests cannot evaluate a reference to a {kind}"),
        }
    }

    pub fn holds(&self, condition: &Value) -> bool {
        if let Some(parts) = condition.get("Fn::Contains") {
            let all = self.resolve(&parts[0]).unwrap();
            return all.as_array().unwrap().contains(&self.resolve(&parts[1]).unwrap());
        }
        if let Some(parts) = condition.get("Fn::EachMemberEquals") {
            let (all, one) = (self.resolve(&parts[0]).unwrap(), self.resolve(&parts[1]).unwrap());
            return all.as_array().unwrap().iter().all(|member| *member == one);
        }
        let Value::Tagged(tagged) = condition else {
            return self.holds(&self.section("Conditions")[condition.as_str().unwrap()]);
        };
        match (tagged.tag.to_string().as_str(), &tagged.value) {
            ("!Equals", parts) => self.resolve(&parts[0]) == self.resolve(&parts[1]),
            ("!Not", parts) => !self.holds(&parts[0]),
            ("!And", parts) => parts.as_sequence().unwrap().iter().all(|part| self.holds(part)),
            ("!Or", parts) => parts.as_sequence().unwrap().iter().any(|part| self.holds(part)),
            ("!Condition", name) => self.holds(name),
            _ => panic!("the tests cannot evaluate {condition:?}"),
        }
    }
}
