//! The filter as attributes of a request.

use super::cta;
use crate::netlink::Request;
use crate::row::Filter;

/// Appends what the kernel can test by itself in a dump of one of [`Filter::families`]. Kernels pass over what they do not
/// know: zone before 6.8, status before 5.15, tuple before 5.8.
pub fn put_filter(filter: &Filter, family: u8, request: &mut Request) {
    // The kernel compares with the entry's only zone, whichever direction it stands in. Zone 0 is also the other
    // direction's of an entry whose zone stands in one direction, so it is left to [`Filter::matches`].
    if let Some(zone) = filter.zone()
        && let Ok(zone @ 1..) = u16::try_from(zone)
    {
        request.put(cta::ZONE, &zone.to_be_bytes());
    }
    if let Some((mark, mask)) = filter.mark() {
        request.put(cta::MARK, &mark.to_be_bytes());
        request.put(cta::MARK_MASK, &mask.to_be_bytes());
    }
    // EINVAL for a mask of 0.
    if let Some((status, mask @ 1..)) = filter.status() {
        request.put(cta::STATUS, &status.to_be_bytes());
        request.put(cta::STATUS_MASK, &mask.to_be_bytes());
    }
    if family != 0
        && let Some(protocol) = filter.single_protocol()
    {
        request.nest(cta::TUPLE_ORIG, |tuple| {
            tuple.nest(cta::TUPLE_PROTO, |proto| proto.put(cta::PROTO_NUM, &[protocol]));
        });
        // CTA_FILTER_ORIG_FLAGS with CTA_FILTER_F_CTA_PROTO_NUM, CTA_FILTER_REPLY_FLAGS with nothing; host order.
        request.nest(cta::FILTER, |flags| {
            flags.put(1, &(1u32 << 3).to_ne_bytes());
            flags.put(2, &0u32.to_ne_bytes());
        });
    }
}
