"""A server that is made up, as a hardware manager of ironic-python-agent: two disks that are plain files.

Steps that would touch a device are answered here, in the way that the agent itself goes about them: hints choose the
disk, the agent's own code downloads, checks and inspects the image and unpacks the config drive. What happened goes to
events.jsonl in the folder that IPA_RACK names.
"""
import base64
import gzip
import json
import os

from ironic_python_agent import disk_utils
from ironic_python_agent import errors
from ironic_python_agent import hardware
from ironic_python_agent.extensions import standby

GIB = 1 << 30


def folder():
    return os.environ["IPA_RACK"]


def tell(event, **facts):
    with open(os.path.join(folder(), "events.jsonl"), "a") as out:
        out.write(json.dumps(dict(facts, event=event)) + "\n")


def disk_file(device):
    return os.path.join(folder(), "disk-" + os.path.basename(device))


class RackHardwareManager(hardware.GenericHardwareManager):
    HARDWARE_MANAGER_NAME = "RackHardwareManager"
    HARDWARE_MANAGER_VERSION = "1"

    def evaluate_hardware_support(self):
        return hardware.HardwareSupport.SERVICE_PROVIDER

    def initialize(self):
        pass

    def list_network_interfaces(self):
        return [hardware.NetworkInterface("eth0", "52:54:00:1a:00:01", ipv4_address="127.0.0.1", vendor="0x1af4",
                                          product="0x0001", speed_mbps=10000),
                hardware.NetworkInterface("eth1", "52:54:00:1a:00:02", has_carrier=False)]

    def list_block_devices(self, include_partitions=False, all_serial_and_wwn=False):
        def either(value):  # all the identities of a disk, when asked for
            return [value, "other-" + value] if all_serial_and_wwn else value
        return [hardware.BlockDevice("/dev/fake0", "Small Disk", 8 * GIB, False, serial=either("RACK0001"),
                                     vendor="RACK", wwn=either("0x5000000000000001"), hctl="0:0:0:0"),
                hardware.BlockDevice("/dev/fake1", "Large Disk", 40 * GIB, True, serial=either("RACK 0002"),
                                     vendor="RACK", wwn=either("0x5000000000000002"), hctl="0:0:1:0")]

    def get_cpus(self):
        return hardware.CPU("Made-up CPU", "2600.0", 8, "x86_64", flags=["vmx"])

    def get_memory(self):
        return hardware.Memory(16 * GIB, physical_mb=16384)

    def get_bmc_address(self):
        return "0.0.0.0"

    def get_bmc_v6address(self):
        return "::/0"

    def get_bmc_mac(self):
        raise errors.IncompatibleHardwareMethodError()

    def get_system_vendor_info(self):
        return hardware.SystemVendorInfo("Made-up Server", "SERIAL-1", "Rack",
                                         hardware.SystemFirmware("Rack", "1.0", "01/02/2025"))

    def get_boot_info(self):
        return hardware.BootInfo("uefi", None)

    def erase_devices_metadata(self, node, ports):
        for device in self.list_block_devices():
            open(disk_file(device.name), "wb").close()
            tell("metadata erased", disk=device.name)

    def erase_block_device(self, node, block_device):
        open(disk_file(block_device.name), "wb").close()
        tell("erased", disk=block_device.name)

    def write_image(self, node, ports, image_info, configdrive=None):
        device = self.get_os_install_device()
        standby._validate_image_info(None, image_info)
        standby._download_image(image_info)
        image = standby._image_location(image_info)
        found, size = disk_utils.get_and_validate_image_format(image, image_info.get("disk_format"))
        with open(image, "rb") as source, open(disk_file(device), "wb") as disk:
            disk.write(source.read())
        drive = gzip.decompress(base64.b64decode(configdrive))
        with open(os.path.join(folder(), "config-drive.iso"), "wb") as out:
            out.write(drive)
        tell("image written", disk=device, format=found, bytes=size, config_drive=len(drive))

    def full_sync(self):
        tell("synced")
