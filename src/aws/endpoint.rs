//! The endpoints to which connections are opened before the first call.

use aws_config::SdkConfig;

use crate::config::Destination;

/// The first parts of the names of commercial regions, as in `eu-west-1`.
///
/// <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html>
const AREAS: [&str; 9] = ["af", "ap", "ca", "eu", "il", "me", "mx", "sa", "us"];

/// A service that every delivery calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    DynamoDb,
    Sns,
    Sqs,
}

impl Service {
    /// The service to which a destination belongs.
    pub(super) fn of(destination: &Destination) -> Self {
        match destination {
            Destination::Queue(_) => Self::Sqs,
            Destination::Topic(_) => Self::Sns,
        }
    }

    /// The first part of its host name.
    fn prefix(self) -> &'static str {
        match self {
            Self::DynamoDb => "dynamodb",
            Self::Sns => "sns",
            Self::Sqs => "sqs",
        }
    }
}

/// Returns the URL of a service; `None` if the SDK has to find it, because the configuration was loaded from more than
/// Lambda's own variables, or the region is not a commercial one.
pub(super) fn endpoint(sdk: &SdkConfig, service: Service) -> Option<String> {
    if sdk.service_config().is_some() {
        return None;
    }
    sdk.endpoint_url().map_or_else(|| url(service, sdk.region()?.as_ref()), |url| Some(url.to_owned()))
}

fn url(service: Service, region: &str) -> Option<String> {
    is_commercial(region).then(|| format!("https://{}.{region}.amazonaws.com", service.prefix()))
}

/// Returns `true` for `<area>-<word>-<number>`. Those of other partitions have more parts, or another area.
pub(super) fn is_commercial(region: &str) -> bool {
    let parts: Vec<_> = region.split('-').collect();
    let [area, word, number] = parts[..] else { return false };
    AREAS.contains(&area)
        && !word.is_empty()
        && word.bytes().all(|byte| byte.is_ascii_lowercase())
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The endpoint that the SDK finds.
    macro_rules! of_the_sdk {
        ($sdk:ident, $region:expr) => {{
            use $sdk::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
            let params =
                Params::builder().region($region).use_fips(false).use_dual_stack(false).build().unwrap();
            ResolveEndpoint::resolve_endpoint(&DefaultResolver::new(), &params)
                .await
                .unwrap()
                .url()
                .to_owned()
        }};
    }

    const COMMERCIAL: [&str; 12] = [
        "af-south-1",
        "ap-northeast-3",
        "ap-southeast-7",
        "ca-central-1",
        "eu-central-1",
        "eu-west-1",
        "il-central-1",
        "me-south-1",
        "mx-central-1",
        "sa-east-1",
        "us-east-1",
        "us-west-2",
    ];

    const OTHERS: [&str; 9] = [
        "cn-north-1",
        "us-gov-west-1",
        "us-iso-east-1",
        "us-isob-east-1",
        "eu-isoe-west-1",
        "us-isof-south-1",
        "eusc-de-east-1",
        "local",
        "",
    ];

    #[tokio::test]
    async fn endpoints_are_those_of_the_sdk() {
        for region in COMMERCIAL {
            assert_eq!(url(Service::DynamoDb, region), Some(of_the_sdk!(aws_sdk_dynamodb, region)));
            assert_eq!(url(Service::Sns, region), Some(of_the_sdk!(aws_sdk_sns, region)));
            assert_eq!(url(Service::Sqs, region), Some(of_the_sdk!(aws_sdk_sqs, region)));
        }
    }

    #[test]
    fn endpoints_of_other_partitions_are_left_to_the_sdk() {
        for region in OTHERS {
            assert_eq!(url(Service::Sqs, region), None, "{region}");
        }
    }
}
