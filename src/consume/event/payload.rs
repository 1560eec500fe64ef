//! Payloads by the type of the event.

use super::object::{
    AirlineCredit, AirlineInitiatedChange, Booking, BookingCreationFailure, Conversation, Misfit, Object,
    Order, OrderCancellation, OrderChange, OrderCreationFailure, Payment, PaymentCreation,
};

/// The report of an event of Duffel, by its type.
///
/// Nothing that Duffel changes makes an event unreadable. A type that is not known is [`Payload::Other`]. A payload of a
/// known type keeps its variant: if an id that the variant promises is not there, the variant holds a [`Misfit`]
/// instead. So `_ => Ok(())` never skips an event of a type that you handle, and you decide about a misfit: return it as
/// an error, so that the message comes again and then is a dead letter, or read [`Received::body`].
///
/// The types are those of Duffel's documentation, with the older `order.updated` and `payment.created`.
///
/// [`Received::body`]: super::Received::body
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payload {
    AirlineCreditCreated(AirlineCredit),
    AirlineCreditSpent(AirlineCredit),
    AirlineCreditInvalidated(AirlineCredit),
    PaymentPending(Result<Payment, Misfit>),
    PaymentSucceeded(Result<Payment, Misfit>),
    PaymentFailed(Result<Payment, Misfit>),
    PaymentCancelled(Result<Payment, Misfit>),
    /// `payment.created`: a payment for a hold order. Newer lists of types do not have it.
    PaymentCreated(PaymentCreation),
    /// `air.order.changed`
    OrderChanged(OrderChange),
    OrderCreated(Result<Order, Misfit>),
    OrderCreationFailed(OrderCreationFailure),
    AirlineInitiatedChangeDetected(Result<AirlineInitiatedChange, Misfit>),
    /// `order.updated`, of 2021 and 2022
    OrderUpdated(OrderChange),
    OrderCancellationCreated(Result<OrderCancellation, Misfit>),
    OrderCancellationConfirmed(Result<OrderCancellation, Misfit>),
    BookingCreated(Booking),
    BookingCreationFailed(BookingCreationFailure),
    BookingCancelled(Booking),
    ConversationUpdated(Conversation),
    /// `ping.triggered`: a test of the endpoint
    Ping,
    /// A type that this module does not know.
    Other,
}

impl Payload {
    /// The types that are not [`Payload::Other`].
    pub const KINDS: [&'static str; 20] = [
        "air.airline_credit.created",
        "air.airline_credit.invalidated",
        "air.airline_credit.spent",
        "air.order.changed",
        "air.payment.cancelled",
        "air.payment.failed",
        "air.payment.pending",
        "air.payment.succeeded",
        "assistant.conversation.updated",
        "order.airline_initiated_change_detected",
        "order.created",
        "order.creation_failed",
        "order.updated",
        "order_cancellation.confirmed",
        "order_cancellation.created",
        "payment.created",
        "ping.triggered",
        "stays.booking.cancelled",
        "stays.booking.created",
        "stays.booking_creation_failed",
    ];

    pub(super) fn read(kind: &str, body: &[u8]) -> Self {
        let object = Object::new(body);
        let credit = || AirlineCredit { id: object.text(&["id"]) };
        let booking = || Booking { id: object.text(&["id"]) };
        let change = || OrderChange { order_id: object.text(&["order_id", "id"]) };
        let payment = || Ok(Payment { payment_id: object.required(&["payment_id"])? });
        let cancellation = || {
            let cancellation_id = object.required(&["id"])?;
            Ok(OrderCancellation { cancellation_id, order_id: object.required(&["order_id"])? })
        };
        match kind {
            "air.airline_credit.created" => Self::AirlineCreditCreated(credit()),
            "air.airline_credit.spent" => Self::AirlineCreditSpent(credit()),
            "air.airline_credit.invalidated" => Self::AirlineCreditInvalidated(credit()),
            "air.payment.pending" => Self::PaymentPending(payment()),
            "air.payment.succeeded" => Self::PaymentSucceeded(payment()),
            "air.payment.failed" => Self::PaymentFailed(payment()),
            "air.payment.cancelled" => Self::PaymentCancelled(payment()),
            "payment.created" => {
                Self::PaymentCreated(PaymentCreation { payment_id: object.text(&["payment_id", "id"]) })
            }
            "air.order.changed" => Self::OrderChanged(change()),
            "order.updated" => Self::OrderUpdated(change()),
            // The one name is from the provider's examples, the other from traffic in test mode.
            "order.created" => Self::OrderCreated(
                object
                    .required(&["id", "order_id"])
                    .map(|order_id| Order { order_id, offer_id: object.text(&["offer_id"]) }),
            ),
            "order.creation_failed" => Self::OrderCreationFailed(OrderCreationFailure {
                offer_id: object.text(&["offer_id"]),
                order_id: object.text(&["order_id", "id"]),
            }),
            "order.airline_initiated_change_detected" => Self::AirlineInitiatedChangeDetected(
                object
                    .required(&["id"])
                    .map(|order_id| AirlineInitiatedChange { order_id, change_id: object.text(&["aic_id"]) }),
            ),
            "order_cancellation.created" => Self::OrderCancellationCreated(cancellation()),
            "order_cancellation.confirmed" => Self::OrderCancellationConfirmed(cancellation()),
            "stays.booking.created" => Self::BookingCreated(booking()),
            "stays.booking.cancelled" => Self::BookingCancelled(booking()),
            "stays.booking_creation_failed" => {
                Self::BookingCreationFailed(BookingCreationFailure { quote_id: object.text(&["quote_id"]) })
            }
            "assistant.conversation.updated" => {
                Self::ConversationUpdated(Conversation { id: object.text(&["id"]) })
            }
            "ping.triggered" => Self::Ping,
            _ => Self::Other,
        }
    }
}
