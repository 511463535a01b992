"""The headers of the sniffer's tables, name by name as the recordings have them."""

from __future__ import annotations

from typing import Final

__all__ = ["CALL_COLUMNS", "REGISTER_COLUMNS"]


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _per_leg(names: str, kinds: str) -> tuple[str, ...]:
    """``src_NAME``, ``src_NAME_KIND``..., then the same for ``dst``."""
    endings = ("", *(f"_{kind}" for kind in kinds.split()))
    return tuple(f"{leg}_{name}{end}" for leg in ("src", "dst") for name in names.split() for end in endings)


CALL_COLUMNS: Final = (
    *_names("""
        callreference callid calldate calldate_num lastpackettime duration connect_duration caller called
        caller_country called_country caller_international called_international callername callerdomain
        calleddomain calleragent calledagent callerip calledip callerip_country calledip_country
        callerip_encaps calledip_encaps callerip_encaps_prot calledip_encaps_prot sipproxies
        lastSIPresponseNum rtp_src rtp_dst rtp_src_country rtp_dst_country callercodec calledcodec
    """),
    *_per_leg("mosf1 mosf2 mosAD", "avg min"),
    *_per_leg("jitter", "avg max"),
    *_names("""
        src_received dst_received src_loss_abs dst_loss_abs src_loss dst_loss
        src_loss_last10sec dst_loss_last10sec id_sensor vlan
    """),
)
"""Recording plain-listcalls-0."""

REGISTER_COLUMNS: Final = _names("""
    ID id_sensor fname calldate sipcallerip sipcalledip sipcallerip_encaps sipcalledip_encaps
    sipcallerip_encaps_prot sipcalledip_encaps_prot sipcallerport sipcalledport from_num from_name
    from_domain to_num to_domain contact_num contact_domain digestusername digestrealm expires
    expires_at state ua rrd_avg spool_index is_sipalg_detected vlan sipcallerip_country_code
    sipcalledip_country_code from_num_country_code to_num_country_code
""")
"""Recording plain-listregisters-0."""
