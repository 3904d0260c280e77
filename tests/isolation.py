"""How a test gets mounts of its own, also in a chroot.

The root of a chroot is no mount point, so that nothing can be said there of what is mounted below it. Mounted on
/mnt and entered once more, it is one.
"""

UNCHANGED = ["--propagation", "unchanged"]
ENTER = ["sh", "-c", "mount --rbind / /mnt && mount --make-rprivate /mnt && "
         "exec chroot /mnt sh -c 'cd \"$0\" && exec \"$@\"' \"$PWD\" \"$@\"", "sh"]
