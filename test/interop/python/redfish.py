"""OpenStack's Redfish client against our front: redfish.py URL USER PASSWORD."""

import sys

import sushy
from sushy import auth

IMAGE = "http://127.0.0.1:9/image.iso"


def expect(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found!r}, not {wanted!r}")
    print(f"ok {what}")


def main(url, user, password):
    for kind in (auth.SessionAuth, auth.BasicAuth):
        root = sushy.Sushy(url, auth=kind(username=user, password=password), verify=False)
        systems = root.get_system_collection().get_members()
        expect("systems", len(systems), 1)
        system = root.get_system(systems[0].path)
        system.reset_system(sushy.RESET_TYPE_FORCE_OFF)
        system.refresh(force=True)
        expect("off", system.power_state, sushy.SYSTEM_POWER_STATE_OFF)
        system.set_system_boot_options(
            target=sushy.BOOT_SOURCE_TARGET_CD,
            enabled=sushy.BOOT_SOURCE_ENABLED_ONCE,
            mode=sushy.BOOT_SOURCE_MODE_UEFI,
        )
        system.refresh(force=True)
        expect("boot target", system.boot.target, sushy.BOOT_SOURCE_TARGET_CD)
        expect("boot enabled", system.boot.enabled, sushy.BOOT_SOURCE_ENABLED_ONCE)
        media = [
            one
            for manager in root.get_manager_collection().get_members()
            for one in manager.virtual_media.get_members()
            if sushy.VIRTUAL_MEDIA_CD in one.media_types
        ]
        expect("drives", len(media), 1)
        drive = media[0]
        drive.insert_media(IMAGE)
        drive.refresh(force=True)
        expect("inserted", (drive.inserted, drive.image), (True, IMAGE))
        drive.eject_media()
        drive.refresh(force=True)
        expect("ejected", drive.inserted, False)
        system.reset_system(sushy.RESET_TYPE_ON)
        system.refresh(force=True)
        expect("on", system.power_state, sushy.SYSTEM_POWER_STATE_ON)
        expect("override used up", system.boot.enabled, sushy.BOOT_SOURCE_ENABLED_DISABLED)
        macs = [one.mac_address for one in system.ethernet_interfaces.get_members()]
        expect("interfaces", len(macs), 2)
        expect("memory", system.memory_summary.size_gib, 256)
        system.reset_system(sushy.RESET_TYPE_GRACEFUL_SHUTDOWN)
    print("sushy: all good")


main(*sys.argv[1:])
