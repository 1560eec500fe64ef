//! A deployed stack: its outputs and parameters.

use std::{collections::HashMap, fmt};

use aws_config::SdkConfig;
use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use thiserror::Error;

use super::CallError;

/// The outputs of `template.yaml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    WebhookUrl,
    SecretArn,
    QueueUrl,
    QueueArn,
    DeadLetterQueueUrl,
    DeadLetterQueueArn,
    LedgerTableName,
    FunctionName,
    ReceiverLogGroup,
    ApiLogGroup,
    /// Only of a stack with a reconciler.
    ReconcilerLogGroup,
    /// Only of a stack with `FanOut=topic`.
    TopicArn,
}

impl Output {
    pub const ALL: [Self; 12] = [
        Self::WebhookUrl,
        Self::SecretArn,
        Self::QueueUrl,
        Self::QueueArn,
        Self::DeadLetterQueueUrl,
        Self::DeadLetterQueueArn,
        Self::LedgerTableName,
        Self::FunctionName,
        Self::ReceiverLogGroup,
        Self::ApiLogGroup,
        Self::ReconcilerLogGroup,
        Self::TopicArn,
    ];
}

impl fmt::Display for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// A deployed stack.
#[derive(Debug)]
pub struct Stack {
    pub name: String,
    /// As in `UPDATE_COMPLETE`.
    pub status: String,
    outputs: HashMap<String, String>,
    parameters: HashMap<String, String>,
}

impl Stack {
    /// Looks a stack up by its name or ARN (`cloudformation:DescribeStacks`).
    ///
    /// # Errors
    /// If there is no such stack, or AWS refuses or does not answer.
    pub async fn find(sdk: &SdkConfig, name: &str) -> Result<Self, StackError> {
        let client = aws_sdk_cloudformation::Client::new(sdk);
        let answer = client.describe_stacks().stack_name(name).send().await;
        let missing = || StackError::Missing {
            name: name.to_owned(),
            region: sdk.region().map(ToString::to_string).unwrap_or_default(),
        };
        let answer = answer.map_err(|error| match error.meta().message() {
            Some(message) if message.ends_with("does not exist") => missing(),
            _ => CallError::new("cloudformation:DescribeStacks", &error).into(),
        })?;
        let stack = answer.stacks.unwrap_or_default().into_iter().next().ok_or_else(missing)?;
        let outputs = stack.outputs.unwrap_or_default().into_iter();
        let parameters = stack.parameters.unwrap_or_default().into_iter();
        Ok(Self {
            name: stack.stack_name.unwrap_or_else(|| name.to_owned()),
            status: stack.stack_status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
            outputs: outputs.filter_map(|output| output.output_key.zip(output.output_value)).collect(),
            parameters: parameters.filter_map(|it| it.parameter_key.zip(it.parameter_value)).collect(),
        })
    }

    /// Finds the stacks of this product in account and Region, by their outputs (`cloudformation:DescribeStacks` and
    /// `cloudformation:ListStacks`, on all stacks). Calls a function with each name.
    ///
    /// # Errors
    /// If AWS refuses or does not answer.
    pub async fn each_name(sdk: &SdkConfig, mut found: impl FnMut(String)) -> Result<(), CallError> {
        let client = aws_sdk_cloudformation::Client::new(sdk);
        let mut stacks = client.describe_stacks().into_paginator().items().send();
        while let Some(stack) = stacks.next().await {
            let stack = stack.map_err(|error| CallError::new("cloudformation:DescribeStacks", &error))?;
            let has = |output: Output| {
                stack.outputs().iter().any(|it| it.output_key() == Some(&output.to_string()))
            };
            if has(Output::WebhookUrl) && has(Output::LedgerTableName) {
                stack.stack_name.map(&mut found);
            }
        }
        Ok(())
    }

    /// The value of a parameter; `None` if it is empty or missing.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value of an output.
    ///
    /// # Errors
    /// If the stack lacks it: it was made of another template, or its creation failed.
    pub fn output(&self, output: Output) -> Result<&str, StackError> {
        if let Some(value) = self.outputs.get(&output.to_string()) {
            return Ok(value);
        }
        let name = self.name.clone();
        let is_of_dead_letters = matches!(output, Output::DeadLetterQueueUrl | Output::DeadLetterQueueArn);
        if is_of_dead_letters && self.has_existing_queue() {
            return Err(StackError::DeadLetters { name });
        }
        Err(StackError::Output { name, status: self.status.clone(), output })
    }

    /// Finds the name of the receiver's log group: an output; in a stack of an earlier template, a resource
    /// (`cloudformation:DescribeStackResource`).
    ///
    /// # Errors
    /// If the stack has neither, or AWS refuses or does not answer.
    pub async fn receiver_log_group(&self, sdk: &SdkConfig) -> Result<String, StackError> {
        if let Ok(name) = self.output(Output::ReceiverLogGroup) {
            return Ok(name.to_owned());
        }
        let client = aws_sdk_cloudformation::Client::new(sdk);
        let request = client.describe_stack_resource().stack_name(&self.name);
        let answer = request.logical_resource_id(Output::ReceiverLogGroup.to_string()).send().await;
        let answer =
            answer.map_err(|error| CallError::new("cloudformation:DescribeStackResource", &error))?;
        let name = answer.stack_resource_detail.and_then(|resource| resource.physical_resource_id);
        name.map_or_else(|| self.output(Output::ReceiverLogGroup).map(str::to_owned), Ok)
    }

    /// The ARN of the topic that the receiver publishes to; `None` if it sends to the queue.
    #[must_use]
    pub fn topic(&self) -> Option<&str> {
        self.outputs.get(&Output::TopicArn.to_string()).map(String::as_str)
    }

    /// Whether the stack forwards to a queue that it did not create, whose settings are its owner's.
    #[must_use]
    pub fn has_existing_queue(&self) -> bool {
        self.parameter("EventQueueArn").is_some()
    }
}

/// Why a stack, or something in it, cannot be found.
#[derive(Debug, Error)]
pub enum StackError {
    #[error("there is no stack {name} in {region}: is it another region (AWS_REGION) or account?")]
    Missing { name: String, region: String },
    #[error("the stack {name} ({status}) has no output {output}: was it made of this template?")]
    Output { name: String, status: String, output: Output },
    #[error(
        "the stack {name} has an existing queue (EventQueueArn) and no DeadLetterQueueArn: set this parameter if the \
         queue has a dead-letter queue"
    )]
    DeadLetters { name: String },
    #[error(transparent)]
    Call(#[from] CallError),
}
