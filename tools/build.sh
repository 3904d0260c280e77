#!/bin/sh
# Configures a preset of CMakePresets.json where that is needed, and builds:
#
#   tools/build.sh PRESET [TARGET ...]
set -eu
cd "$(dirname "$0")/.."

preset=$1
shift
case $preset in
release) folder=build ;;
*) folder=build/$preset ;;
esac

# A folder that was made in another place, or from other presets, is configured anew.
if [ -e "$folder/CMakeCache.txt" ] &&
    ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$(pwd -P)" "$folder/CMakeCache.txt"; then
    rm -rf "$folder/CMakeCache.txt" "$folder/CMakeFiles" "$folder/build.ninja"
fi
if [ ! -e "$folder/build.ninja" ] || [ -n "$(find CMakePresets.json -newer "$folder/build.ninja")" ]; then
    cmake --preset "$preset"
    touch "$folder/build.ninja"
fi
[ $# -gt 0 ] || set -- all
ninja -C "$folder" "$@"
