"""NengoLoihi: networks as nengo-loihi 1.1.0 puts them on Loihi 1, run by the native emulator or by its own."""
