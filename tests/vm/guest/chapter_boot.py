"""The machine is switched on: everything comes by itself."""
import kit
import chapter_services


def comes_up():
    chapter_services.synchronise_clock()
    kit.until(kit.connected, "the three processes connected: %s" % kit.status())


CLAIMS = (
    ("boot: all three are there and connected without anybody's help", comes_up),
    ("boot: laned is first, laned-bio follows", chapter_services.start_order),
    ("boot: each runs as its own user, without any capability", chapter_services.own_users),
    ("boot: lanectl doctor is clean", kit.doctor_clean),
    ("boot: no unit has failed", chapter_services.none_failed),
)
